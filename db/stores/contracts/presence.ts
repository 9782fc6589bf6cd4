/** Store of presence and of the last heartbeats (device_presence, presence_events). */
import type { Heartbeat } from '#contract';
import type { DeviceScope, DeviceStatus, Intent, Observation } from './devices.ts';
import type { Page, PageRequest } from './page.ts';

/** What the pure presence core decides on. */
export interface PresenceState {
  readonly deviceId: string;
  readonly orgId: string;
  readonly orgSlug: string;
  readonly observation: Observation;
  readonly since: Date | null;
  readonly sessionEpoch: number;
  /** Of the session `sessionEpoch`: hello seen and neither goodbye nor will. */
  readonly connected: boolean;
  readonly lastHeartbeatAt: Date | null;
  readonly goodbyeReason: string | null;
}
export interface LockedPresence extends PresenceState {
  readonly intent: Intent;
}
/** A device as ingest needs it, without its presence. */
export interface SharedDevice {
  readonly deviceId: string;
  readonly orgId: string;
  readonly orgSlug: string;
  readonly intent: Intent;
}
export interface PresenceChange {
  readonly deviceId: string;
  readonly orgId: string;
  readonly at: Date;
  readonly from: Observation | null;
  readonly to: Observation;
  readonly reason: string;
  readonly sessionEpoch: number | null;
}
export interface HeartbeatRow {
  readonly deviceId: string;
  readonly receivedAt: Date;
  readonly heartbeat: Heartbeat;
}
export interface PresenceStore {
  /** Rows of the devices that exist under their (org slug, device) address, locked `FOR UPDATE` in id order. */
  lock(addresses: readonly { org: string; device: string }[]): Promise<readonly LockedPresence[]>;
  /** The same devices, held against deletion only (`FOR KEY SHARE`), in id order: beats and batches do not meet. */
  share(addresses: readonly { org: string; device: string }[]): Promise<readonly SharedDevice[]>;
  /** One statement for the whole batch (unnest); also updates the observation on edge_devices where it changed. */
  save(states: readonly PresenceState[]): Promise<void>;
  /** Newest heartbeat of each device: body columns on device_presence; firmware and agent version where they changed. */
  saveHeartbeats(rows: readonly HeartbeatRow[]): Promise<void>;
  /** Appends to the presence_events hypertable. */
  appendChanges(changes: readonly PresenceChange[]): Promise<void>;
  /** online, degraded or error without a beat since `deadline`, at most `limit`, locked, SKIP LOCKED. */
  lockSilent(deadline: Date, limit: number): Promise<readonly PresenceState[]>;
  events(
    orgId: string,
    deviceId: string,
    range: { from?: Date; to?: Date },
    page: PageRequest,
  ): Promise<Page<PresenceChange>>;
  /** Facts, services, metrics and counters of the last heartbeat. */
  snapshot(orgId: string, deviceId: string): Promise<PresenceSnapshot | null>;
  /** Devices with the highest `metric` of their last heartbeat, of those heard since `since`. */
  top(
    scope: Exclude<DeviceScope, string>,
    metric:
      | 'cpu_percent'
      | 'memory_percent'
      | 'disk_percent'
      | 'gpu_percent'
      | 'outbox_records'
      | 'clock_skew_ms',
    since: Date,
    limit: number,
  ): Promise<readonly { deviceId: string; deviceName: string; status: DeviceStatus; value: number }[]>;
  /** Sums of what the last heartbeats said about outboxes. */
  outboxTotals(
    scope: Exclude<DeviceScope, string>,
    since: Date,
  ): Promise<{ devicesWithBacklog: number; records: number; bytes: number; dropped: number }>;
  /** Copies device_presence.last_heartbeat_at to edge_devices.last_seen where it is newer. @returns rows */
  flushLastSeen(): Promise<number>;
}
export interface PresenceSnapshot extends PresenceState {
  readonly heartbeat: Heartbeat | null;
  /** Device clock minus ours at the last heartbeat; null where it did not say its time. */
  readonly clockSkewMs: number | null;
  /** Of the last heartbeat that carried any. */
  readonly facts: Readonly<Record<string, unknown>>;
}
