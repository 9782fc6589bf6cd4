/** Store of devices: what operators know and decide about each. */
import type { Page, PageRequest } from './page.ts';

export type Intent = 'active' | 'maintenance' | 'disabled';
export type Observation = 'never_seen' | 'online' | 'degraded' | 'offline' | 'error';
export type DeviceStatus = Exclude<Observation, never> | 'maintenance' | 'disabled';

export interface Device {
  readonly id: string;
  readonly orgId: string;
  readonly orgSlug: string;
  /** Nothing of the organisation may speak or be spoken to. */
  readonly isOrgSuspended: boolean;
  readonly name: string;
  readonly type: 'uc1-pro' | 'gateway' | 'custom';
  readonly hardwareId: string;
  readonly intent: Intent;
  readonly observation: Observation;
  /** A generated column: intent where it is not `active`, otherwise observation. */
  readonly status: DeviceStatus;
  readonly lastSeen: Date | null;
  readonly firmwareVersion: string | null;
  readonly agentVersion: string | null;
  readonly ipAddress: string | null;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Whose tokens still enrol this hardware, for its present owner; null where it was never claimed. */
  readonly claimedFromOrgId: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
/**
 * Of which devices: of one organisation, of several, of all (null), or of whole organisations and, beside them, of groups
 * of others.
 */
export type DeviceScope = string | null | readonly string[] | GroupedScope;
export interface GroupedScope {
  readonly orgIds: readonly string[];
  readonly groupIds: readonly string[];
}
export interface DeviceFilter {
  /** Devices in this group alone. */
  readonly groupId?: string;
  readonly status?: string;
  readonly type?: string;
  readonly search?: string;
  /** Column with an optional `-`: device_name, last_seen, status, created_at. Id breaks ties. */
  readonly sort?: string;
}
export interface NewDevice {
  readonly name: string;
  readonly type: Device['type'];
  readonly hardwareId: string;
  readonly firmwareVersion?: string | null;
  readonly ipAddress?: string | null;
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly claimedFromOrgId?: string | null;
}
export interface DeviceStore {
  /** @throws StoreError 'conflict' with `field` 'device_name' or 'hardware_id'. */
  create(orgId: string, input: NewDevice): Promise<Device>;
  find(scope: DeviceScope, deviceId: string): Promise<Device | null>;
  /** Over all organisations: hardware enrols once in the installation. Locks the row inside a transaction. */
  findByHardwareId(hardwareId: string): Promise<Device | null>;
  /** Whether a device of the organisation has this name. */
  isNameTaken(orgId: string, name: string): Promise<boolean>;
  /**
   * Ids and names of one organisation's devices: the given ones, or all of a type, tag or any of some groups; at most
   * `limit`, by name.
   */
  choose(
    orgId: string,
    choice: {
      readonly ids?: readonly string[];
      readonly type?: string;
      readonly tag?: string;
      readonly groupIds?: readonly string[];
    },
    limit: number,
  ): Promise<readonly { id: string; name: string }[]>;
  list(scope: DeviceScope, filter: DeviceFilter, page: PageRequest): Promise<Page<Device>>;
  summary(scope: DeviceScope): Promise<{
    total: number;
    byStatus: Record<string, number>;
    byType: Record<string, number>;
  }>;
  update(
    orgId: string,
    deviceId: string,
    changes: {
      name?: string;
      intent?: Intent;
      tags?: readonly string[];
      metadata?: Record<string, unknown>;
      hardwareId?: string;
      firmwareVersion?: string | null;
      ipAddress?: string | null;
      type?: Device['type'];
    },
  ): Promise<Device | null>;
  /** Leaves a tombstone of ids, name and times in `deleted_devices`; cascades to all else. */
  delete(orgId: string, deviceId: string): Promise<boolean>;
  activeConfig(
    orgId: string,
    deviceId: string,
  ): Promise<{ version: number; data: unknown; sha256: string | null; appliedAt: Date | null } | null>;
}
