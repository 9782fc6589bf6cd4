/** Store of device groups: named sets of one organisation's devices, to which roles can be limited. */
import type { DeviceScope } from './devices.ts';
import type { Page, PageRequest } from './page.ts';

/** More would be tags. */
export const MAX_GROUPS = 500;

export interface DeviceGroup {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly description: string | null;
  readonly createdAt: Date;
  readonly deviceCount: number;
  /** People whose role is limited to this group, among others. */
  readonly memberCount: number;
}
export interface GroupStore {
  /** Null where the organisation has MAX_GROUPS. @throws StoreError 'conflict' with field 'group_name'. */
  create(orgId: string, input: { name: string; description: string | null }): Promise<DeviceGroup | null>;
  find(orgId: string | null, groupId: string): Promise<DeviceGroup | null>;
  /** By name. Of organisations in which the scope names groups, these alone. */
  list(scope: DeviceScope, page: PageRequest): Promise<Page<DeviceGroup>>;
  /** @throws StoreError 'conflict' with field 'group_name'. */
  update(
    orgId: string,
    groupId: string,
    changes: { name?: string; description?: string | null },
  ): Promise<DeviceGroup | null>;
  /** Roles limited to it stay limited, to nothing where it was their last. */
  delete(orgId: string, groupId: string): Promise<boolean>;
  /** Ids that are no devices of the organisation are left out. @returns how many are new in the group */
  addDevices(orgId: string, groupId: string, deviceIds: readonly string[]): Promise<number>;
  /** @returns how many were in the group */
  removeDevices(orgId: string, groupId: string, deviceIds: readonly string[]): Promise<number>;
  /** By name. */
  ofDevice(orgId: string, deviceId: string): Promise<readonly { id: string; name: string }[]>;
  /** Those of the ids that are groups of the organisation. */
  known(orgId: string, groupIds: readonly string[]): Promise<readonly string[]>;
  /** Ids of all devices in any of the groups. */
  devicesIn(groupIds: readonly string[]): Promise<readonly string[]>;
}
