/** Device groups: named sets of an organisation's devices, to which roles can be limited. */
import type { Database, DeviceGroup, Stores } from '#db';
import type { Action, GroupView } from '#web-api';
import { type AuditDraft, audited, byPerson } from '../audit/audited.ts';
import { changesBetween } from '../audit/changes.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { PeopleUseCases } from '../people-use-cases.ts';
import type { Person } from '../use-cases.ts';
import { announceAccess } from './announce-access.ts';
import { toListed, toPageRequest } from './list-page.ts';
import { deviceScope, permit } from './permit.ts';
import { isLimited } from './policy.ts';

interface GroupDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
}
type GroupUseCases = Pick<
  PeopleUseCases,
  'listGroups' | 'createGroup' | 'getGroup' | 'updateGroup' | 'deleteGroup' | 'changeGroupDevices'
>;

export function createGroups(deps: GroupDeps): GroupUseCases {
  const { database, now } = deps;
  return {
    async listGroups(person, query) {
      const scope = await deviceScope(database.organizations, person, 'group.read', query.org_id);
      return toListed(await database.groups.list(scope, toPageRequest(query)), groupView);
    },

    async createGroup(person, body) {
      const orgId = body.organization_id;
      const draft = byPerson(person, 'group.create', `organization:${orgId}`);
      return audited(deps, draft, async (stores, entry) => {
        const organization = await stores.organizations.find(orgId);
        permit(person, 'group.write', organization?.id, 'organization.not_found', entry);
        const { name, description = null } = body;
        const group = await stores.groups.create(organization.id, { name, description });
        if (group === null) throw new AppError('group.too_many');
        entry.object = `group:${group.id}`;
        entry.detail = { name, description };
        return groupView(group);
      });
    },

    async getGroup(person, groupId) {
      return groupView(await permittedGroup(database, person, 'group.read', groupId));
    },

    async updateGroup(person, groupId, body) {
      return audited(deps, byPerson(person, 'group.update', `group:${groupId}`), async (stores, entry) => {
        const before = await permittedGroup(stores, person, 'group.write', groupId, entry);
        const after = await stores.groups.update(before.orgId, before.id, body);
        if (after === null) throw new AppError('group.not_found');
        entry.detail = changesBetween(shownFields(before), shownFields(after));
        return groupView(after);
      });
    },

    async deleteGroup(person, groupId) {
      await audited(deps, byPerson(person, 'group.delete', `group:${groupId}`), async (stores, entry) => {
        const group = await permittedGroup(stores, person, 'group.write', groupId, entry);
        if (!(await stores.groups.delete(group.orgId, group.id))) throw new AppError('group.not_found');
        entry.detail = { name: group.name, devices: group.deviceCount, members: group.memberCount };
        await announceAccess(stores, group.orgId, now());
      });
    },

    async changeGroupDevices(person, groupId, body) {
      return audited(deps, byPerson(person, 'group.devices', `group:${groupId}`), async (stores, entry) => {
        const { id, orgId, name } = await permittedGroup(stores, person, 'group.write', groupId, entry);
        const toAdd = idsOf(body.add);
        const found = await stores.devices.choose(orgId, { ids: toAdd }, toAdd.length);
        if (found.length < toAdd.length) throw unknownDevices();
        const removed = await stores.groups.removeDevices(orgId, id, idsOf(body.remove));
        const added = await stores.groups.addDevices(orgId, id, toAdd);
        const after = await stores.groups.find(orgId, id);
        if (after === null) throw new AppError('group.not_found');
        entry.detail = { name, added, removed, add: toAdd, remove: idsOf(body.remove) };
        await announceAccess(stores, orgId, now());
        return { added, removed, device_count: after.deviceCount };
      });
    },
  };
}

/** A group that a limited person's role does not name is unknown to that person. */
async function permittedGroup(
  stores: Pick<Stores, 'groups'>,
  person: Person,
  action: Action,
  groupId: string,
  entry?: AuditDraft,
): Promise<DeviceGroup> {
  const found = await stores.groups.find(null, groupId);
  const group = found === null || isHidden(person, found) ? null : found;
  permit(person, action, group?.orgId, 'group.not_found', entry);
  if (group === null) throw new AppError('group.not_found');
  if (entry !== undefined) entry.object = `group:${group.id}`;
  return group;
}

const isHidden = (person: Person, { id, orgId }: DeviceGroup): boolean =>
  isLimited(person, orgId) && !(person.groups.get(orgId)?.includes(id) ?? false);

const unknownDevices = (): AppError =>
  new AppError('device.not_found', {
    errors: [{ path: 'add', message: 'not all of them are devices of the organisation' }],
  });

/** Lower case, each once. */
const idsOf = (ids: readonly string[] = []): string[] => [...new Set(ids.map((id) => id.toLowerCase()))];

const shownFields = ({ name, description }: DeviceGroup) => ({ name, description });

const groupView = (group: DeviceGroup): GroupView => ({
  id: group.id,
  organization_id: group.orgId,
  name: group.name,
  description: group.description,
  created_at: group.createdAt.toISOString(),
  device_count: group.deviceCount,
  member_count: group.memberCount,
});
