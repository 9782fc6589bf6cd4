/** Conditions on devices that a person may know of. */
import { inArray, or, type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { deviceGroupMembers } from '../schema/groups.ts';
import type { DeviceScope, GroupedScope } from './contracts/devices.ts';
import { inScope } from './queries.ts';

export const isGrouped = (scope: DeviceScope): scope is GroupedScope =>
  typeof scope === 'object' && scope !== null && 'groupIds' in scope;

/** On a row of one device: its organisation, or a group that it is in. */
export function inDeviceScope(
  { orgId, deviceId }: { readonly orgId: PgColumn; readonly deviceId: PgColumn },
  scope: DeviceScope,
): SQL | undefined {
  if (!isGrouped(scope)) return inScope(orgId, scope);
  return or(inScope(orgId, scope.orgIds), sql`${deviceId} IN (${inGroups(scope.groupIds)})`);
}

/** Ids of the devices in any of the groups, for `IN`. */
export function inGroups(groupIds: readonly string[]): SQL {
  const isOne = groupIds.length === 0 ? sql`false` : inArray(deviceGroupMembers.groupId, [...groupIds]);
  return sql`SELECT ${deviceGroupMembers.deviceId} FROM ${deviceGroupMembers} WHERE ${isOne}`;
}

/** For hand-written SQL: a condition on columns and its two parameters, the first of them `$first`. */
export function deviceScopeSql(
  { orgId, deviceId }: { readonly orgId: string; readonly deviceId: string },
  scope: Exclude<DeviceScope, string>,
  first: number,
): {
  readonly condition: string;
  readonly parameters: readonly [readonly string[] | null, readonly string[]];
} {
  const { orgIds, groupIds } = isGrouped(scope) ? scope : { orgIds: scope, groupIds: [] };
  const inOrganizations = `($${first}::uuid[] IS NULL OR ${orgId} = ANY ($${first}))`;
  const inGroups = `${deviceId} IN (SELECT device_id FROM device_group_members WHERE group_id = ANY ($${first + 1}::uuid[]))`;
  // Named in both cases, for PostgreSQL must know the type of each parameter.
  const condition = isGrouped(scope)
    ? `(${inOrganizations} OR ${inGroups})`
    : `${inOrganizations} AND $${first + 1}::uuid[] IS NOT NULL`;
  return { condition, parameters: [orgIds, groupIds] };
}
