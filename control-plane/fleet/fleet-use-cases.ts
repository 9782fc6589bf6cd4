/** Devices as admins see and change them. */
import { REFUSAL_REASONS, type RefusalReason } from '#contract';
import type { Database, Device, Intent, Stores } from '#db';
import type { Action, BodyOf, RefusalView } from '#web-api';
import { toListed, toPageRequest } from '../access/list-page.ts';
import { listScope, permit } from '../access/permit.ts';
import { type AuditDraft, audited, auditedOutside, byPerson } from '../audit/audited.ts';
import { changesBetween } from '../audit/changes.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { FleetUseCases, Person } from '../use-cases.ts';
import { announce, announceChanged } from './announce.ts';
import { deviceDetail, readDetailParts } from './device-detail.ts';
import { deviceView, presenceEventView } from './device-view.ts';
import { importRows } from './import-devices.ts';
import { lockDevice, revokeDevice } from './revoke-device.ts';

export interface FleetDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
}

export function createFleetUseCases(deps: FleetDeps): FleetUseCases {
  const { database, now } = deps;
  return {
    async list(person, query) {
      const scope = await listScope(database.organizations, person, 'device.read', query.org_id);
      const filter = {
        ...(query.status === undefined ? {} : { status: query.status }),
        ...(query.type === undefined ? {} : { type: query.type }),
        ...(query.search === undefined || query.search === '' ? {} : { search: query.search }),
        ...(query.sort === undefined ? {} : { sort: query.sort }),
      };
      return toListed(await database.devices.list(scope, filter, toPageRequest(query)), deviceView);
    },

    async summary(person, query) {
      const scope = await listScope(database.organizations, person, 'device.read', query.org_id);
      const { total, byStatus, byType } = await database.devices.summary(scope);
      return { total, by_status: byStatus, by_type: byType };
    },

    async get(person, deviceId) {
      const device = await permittedDevice(database, person, 'device.read', deviceId);
      return deviceDetail(device, await readDetailParts(database, device), now());
    },

    async update(person, deviceId, body) {
      return audited(deps, byPerson(person, 'device.update', `device:${deviceId}`), async (stores, entry) => {
        const before = await permittedDevice(stores, person, 'device.write', deviceId, entry);
        const after = await stores.devices.update(before.orgId, before.id, changesOf(body));
        if (after === null) throw new AppError('device.not_found');
        entry.detail = changesBetween(shownFields(before), shownFields(after));
        await announceChanged(stores, after, now());
        return deviceView(after);
      });
    },

    async delete(person, deviceId) {
      await audited(deps, byPerson(person, 'device.delete', `device:${deviceId}`), async (stores, entry) => {
        const found = await permittedDevice(stores, person, 'device.delete', deviceId, entry);
        const device = await lockDevice(stores, found);
        if (device === null) throw new AppError('device.not_found');
        const at = now();
        const serials = await revokeDevice(stores, device, 'device deleted', at);
        await stores.devices.delete(device.orgId, device.id);
        entry.detail = { name: device.name, hardware_id: device.hardwareId, revoked: serials };
        const { orgId: organization_id } = device;
        await announce(stores, {
          kind: 'device.deleted',
          organization_id,
          device_id: device.id,
          at: at.toISOString(),
        });
      });
    },

    async revoke(person, deviceId, body) {
      return audited(deps, byPerson(person, 'device.revoke', `device:${deviceId}`), async (stores, entry) => {
        const before = await permittedDevice(stores, person, 'device.revoke', deviceId, entry);
        const at = now();
        const serials = await revokeDevice(stores, before, body.reason, at);
        entry.detail = { reason: body.reason, revoked: serials };
        await announceChanged(stores, (await stores.devices.find(before.orgId, before.id)) ?? before, at);
        return { revoked: serials.length };
      });
    },

    async presence(person, deviceId, query) {
      const { orgId } = await permittedDevice(database, person, 'device.read', deviceId);
      const range = {
        ...(query.from === undefined ? {} : { from: new Date(query.from) }),
        ...(query.to === undefined ? {} : { to: new Date(query.to) }),
      };
      const events = await database.presence.events(orgId, deviceId, range, toPageRequest(query));
      return toListed(events, presenceEventView);
    },

    async import(person, body) {
      const orgId = body.organization_id;
      const isTrial = body.dry_run ?? false;
      const draft = byPerson(person, 'device.import', `organization:${orgId}`);
      return auditedOutside(deps, draft, async () => {
        const organization = await database.organizations.find(orgId);
        permit(person, 'device.import', organization?.id, 'organization.not_found', draft);
        draft.detail = { rows: body.devices.length };
        const result = await importRows(database, organization.id, body.devices, { isTrial, now: now() });
        const { created, failed } = result;
        if (!isTrial) {
          await database.audit.append({ ...draft, outcome: 'success', detail: { created, failed } });
        }
        return result;
      });
    },

    async listRefusals(person, query) {
      const scope = await listScope(database.organizations, person, 'refusal.read', query.org_id);
      const filter = query.device_id === undefined ? {} : { deviceId: query.device_id };
      return toListed(await database.refusals.list(scope, filter, toPageRequest(query)), refusalView);
    },

    async liveScope(person, orgId) {
      const scope = await listScope(database.organizations, person, 'device.read', orgId);
      if (scope === null) return null;
      return new Set(typeof scope === 'string' ? [scope] : scope);
    },
  };
}

async function permittedDevice(
  stores: Pick<Stores, 'devices'>,
  person: Person,
  action: Action,
  deviceId: string,
  entry?: AuditDraft,
): Promise<Device> {
  const device = await stores.devices.find(null, deviceId);
  permit(person, action, device?.orgId, 'device.not_found', entry);
  if (device === null) throw new AppError('device.not_found');
  // As the database spells it: the audit log is searched by it.
  if (entry !== undefined) entry.object = `device:${device.id}`;
  return device;
}

function changesOf(body: BodyOf<'devices.update'>): Parameters<Stores['devices']['update']>[2] {
  return {
    ...(body.device_name === undefined ? {} : { name: body.device_name }),
    ...(body.status === undefined ? {} : { intent: intentOf(body.status) }),
    ...(body.tags === undefined ? {} : { tags: body.tags }),
    ...(body.metadata === undefined ? {} : { metadata: body.metadata }),
  };
}

/** The source document writes `online` where it means "end the maintenance". */
const intentOf = (status: Intent | 'online'): Intent => (status === 'online' ? 'active' : status);

const shownFields = ({ name, intent, tags, metadata }: Device) => ({ name, intent, tags, metadata });

function refusalView(refusal: Awaited<ReturnType<Stores['refusals']['list']>>['items'][number]): RefusalView {
  const { at, deviceId, detail, count } = refusal;
  return {
    at: at.toISOString(),
    device_id: deviceId,
    reason: refusalReasonOf(refusal.reason),
    detail,
    count,
  };
}

/** @throws Error for a word that no version of the contract had: a damaged row. */
function refusalReasonOf(stored: string): RefusalReason {
  const reason = REFUSAL_REASONS.find((known) => known === stored);
  if (reason === undefined) throw new Error(`stored refusal reason ${stored} is not in the contract`);
  return reason;
}
