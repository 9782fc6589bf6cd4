/** Devices as admins see and change them. */
import { REFUSAL_REASONS, type RefusalReason } from '#contract';
import type { Database, Device, Intent, Stores } from '#db';
import type { BodyOf, RefusalView } from '#web-api';
import { toListed, toPageRequest } from '../access/list-page.ts';
import { deviceScope, permit } from '../access/permit.ts';
import type { RandomBytes } from '../access/secrets.ts';
import { audited, auditedOutside, byPerson } from '../audit/audited.ts';
import { changesBetween } from '../audit/changes.ts';
import { issueOnImport } from '../enrollment/issue-on-import.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { SecretBox } from '../secrets/secret-box.ts';
import { permittedDevice } from '../telemetry/permitted-device.ts';
import type { FleetUseCases } from '../use-cases.ts';
import { announce, announceChanged } from './announce.ts';
import { deviceDetail, readDetailParts } from './device-detail.ts';
import { deviceView, presenceEventView } from './device-view.ts';
import { importRows } from './import-devices.ts';
import { liveFilter } from './live-filter.ts';
import { lockDevice, revokeDevice } from './revoke-device.ts';

export interface FleetDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
  readonly random: RandomBytes;
  readonly secretBox: SecretBox;
}

export function createFleetUseCases(deps: FleetDeps): FleetUseCases {
  const { database, now } = deps;
  return {
    async list(person, query) {
      const scope = await deviceScope(database.organizations, person, 'device.read', query.org_id);
      const filter = {
        ...(query.status === undefined ? {} : { status: query.status }),
        ...(query.type === undefined ? {} : { type: query.type }),
        ...(query.search === undefined || query.search === '' ? {} : { search: query.search }),
        ...(query.sort === undefined ? {} : { sort: query.sort }),
        ...(query.group_id === undefined ? {} : { groupId: query.group_id.toLowerCase() }),
      };
      return toListed(await database.devices.list(scope, filter, toPageRequest(query)), deviceView);
    },

    async summary(person, query) {
      const scope = await deviceScope(database.organizations, person, 'device.read', query.org_id);
      const { total, byStatus, byType } = await database.devices.summary(scope);
      return { total, by_status: byStatus, by_type: byType };
    },

    async get(person, deviceId) {
      const device = await permittedDevice(database, person, 'device.read', deviceId);
      const parts = await readDetailParts(deps, device);
      const own = person.isSystemAdmin ? undefined : person.groups.get(device.orgId);
      const groups = parts.groups.filter(({ id }) => own?.includes(id) ?? true);
      return deviceDetail(device, { ...parts, groups }, now());
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
        const issue = body.issue ?? 'none';
        draft.detail = { rows: body.devices.length };
        if (issue === 'tokens')
          permit(person, 'token.write', organization.id, 'organization.not_found', draft);
        if (issue === 'claim_codes') {
          permit(person, 'claim.write', organization.id, 'organization.not_found', draft);
        }
        const result = await importRows(database, organization.id, body.devices, {
          isTrial,
          now: now(),
          issue: issueOnImport({
            issue,
            expiresInSeconds: body.issue_expires_in_seconds,
            createdBy: person.email,
            now: now(),
            random: deps.random,
          }),
        });
        const { created, unchanged, failed } = result;
        if (!isTrial) {
          const detail = { created, unchanged, failed, ...(issue === 'none' ? {} : { issued: issue }) };
          await database.audit.append({ ...draft, outcome: 'success', detail });
        }
        return result;
      });
    },

    async listRefusals(person, query) {
      const scope = await deviceScope(database.organizations, person, 'refusal.read', query.org_id);
      const filter = query.device_id === undefined ? {} : { deviceId: query.device_id };
      return toListed(await database.refusals.list(scope, filter, toPageRequest(query)), refusalView);
    },

    liveFilter: (person, orgId) => liveFilter(database, person, orgId),
  };
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
