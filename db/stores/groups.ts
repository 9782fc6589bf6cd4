/** Device groups and what is in them. */
import { and, eq, inArray, or, type SQL, sql } from 'drizzle-orm';
import { deviceGroupMembers, deviceGroups } from '../schema/groups.ts';
import type { DeviceScope } from './contracts/devices.ts';
import { type DeviceGroup, type GroupStore, MAX_GROUPS } from './contracts/groups.ts';
import { isGrouped } from './device-scope.ts';
import { openPage } from './page.ts';
import { allOf, inScope, type Queries } from './queries.ts';

const columns = {
  id: deviceGroups.id,
  orgId: deviceGroups.organizationId,
  name: deviceGroups.name,
  description: deviceGroups.description,
  createdAt: deviceGroups.createdAt,
  deviceCount: sql<number>`(SELECT count(*)::int FROM device_group_members m WHERE m.group_id = device_groups.id)`,
  memberCount: sql<number>`(SELECT count(*)::int FROM membership_groups m WHERE m.group_id = device_groups.id)`,
};

export function createGroupStore({ orm, rows, count }: Queries): GroupStore {
  async function find(orgId: string | null, groupId: string): Promise<DeviceGroup | null> {
    const [group] = await orm
      .select(columns)
      .from(deviceGroups)
      .where(allOf(eq(deviceGroups.id, groupId), inScope(deviceGroups.organizationId, orgId)));
    return group ?? null;
  }

  return {
    async create(orgId, { name, description }) {
      const [made] = await rows<{ id: string }>(
        `INSERT INTO device_groups (organization_id, name, description)
         SELECT $1, $2, $3 WHERE (SELECT count(*) FROM device_groups WHERE organization_id = $1) < ${MAX_GROUPS}
         RETURNING id`,
        [orgId, name, description],
      );
      return made === undefined ? null : find(orgId, made.id);
    },

    find,

    async list(scope, request) {
      const page = openPage(
        {
          parts: [
            { key: deviceGroups.name, kind: 'text' },
            { key: deviceGroups.id, kind: 'uuid' },
          ],
          descending: false,
          boundTo: ['groups', scope],
        },
        request,
      );
      const matches = inGroupScope(scope);
      const found = await orm
        .select({ ...columns, cursorKeys: page.cursorKeys })
        .from(deviceGroups)
        .where(and(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(deviceGroups, matches);
      return page.close(found, total, ({ cursorKeys: _, ...group }) => group);
    },

    async update(orgId, groupId, changes) {
      if (Object.keys(changes).length > 0) {
        await orm
          .update(deviceGroups)
          .set(changes)
          .where(and(eq(deviceGroups.organizationId, orgId), eq(deviceGroups.id, groupId)));
      }
      return find(orgId, groupId);
    },

    async delete(orgId, groupId) {
      const gone = await count('DELETE FROM device_groups WHERE organization_id = $1 AND id = $2', [
        orgId,
        groupId,
      ]);
      return gone === 1;
    },

    addDevices: (orgId, groupId, deviceIds) =>
      count(
        `INSERT INTO device_group_members (group_id, device_id, organization_id)
         SELECT g.id, d.id, g.organization_id FROM device_groups g
         JOIN edge_devices d ON d.organization_id = g.organization_id AND d.id = ANY ($3::uuid[])
         WHERE g.organization_id = $1 AND g.id = $2
         ORDER BY d.id ON CONFLICT DO NOTHING`,
        [orgId, groupId, [...deviceIds]],
      ),

    removeDevices: (orgId, groupId, deviceIds) =>
      count(
        `DELETE FROM device_group_members
         WHERE organization_id = $1 AND group_id = $2 AND device_id = ANY ($3::uuid[])`,
        [orgId, groupId, [...deviceIds]],
      ),

    ofDevice: (orgId, deviceId) =>
      orm
        .select({ id: deviceGroups.id, name: deviceGroups.name })
        .from(deviceGroupMembers)
        .innerJoin(deviceGroups, eq(deviceGroups.id, deviceGroupMembers.groupId))
        .where(and(eq(deviceGroupMembers.organizationId, orgId), eq(deviceGroupMembers.deviceId, deviceId)))
        .orderBy(deviceGroups.name),

    async known(orgId, groupIds) {
      if (groupIds.length === 0) return [];
      const found = await orm
        .select({ id: deviceGroups.id })
        .from(deviceGroups)
        .where(and(eq(deviceGroups.organizationId, orgId), inArray(deviceGroups.id, [...groupIds])));
      return found.map(({ id }) => id);
    },

    async devicesIn(groupIds) {
      const found = await rows<{ id: string }>(
        'SELECT DISTINCT device_id AS id FROM device_group_members WHERE group_id = ANY ($1::uuid[])',
        [[...groupIds]],
      );
      return found.map(({ id }) => id);
    },
  };
}

function inGroupScope(scope: DeviceScope): SQL | undefined {
  if (!isGrouped(scope)) return inScope(deviceGroups.organizationId, scope);
  return or(inScope(deviceGroups.organizationId, scope.orgIds), inScope(deviceGroups.id, scope.groupIds));
}
