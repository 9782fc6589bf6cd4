/**
 * What every store does, apart from how: the control plane depends on these interfaces alone.
 * `orgId` (a UUID) is the first argument wherever rows belong to one organisation; `null` there means that a
 * system admin asks over all of them. Stores return domain values, never rows of drizzle or pg. Times are Dates.
 */
import type { Heartbeat, MetricRecord, RefusalReport } from '#contract';

export interface PageRequest {
  readonly limit: number;
  /** Rows to skip, where the caller gave a page number. */
  readonly offset?: number;
  /** Opaque to the caller; the store's own key of the last row seen. @throws StoreError 'cursor_invalid' */
  readonly cursor?: string;
}
export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
  readonly nextCursor: string | null;
}

// ---- organisations, people, sessions -------------------------------------------------------------------------

export interface Organization {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly deviceCount: number;
}
export interface OrganizationStore {
  /** @throws StoreError 'conflict' on a known slug. */
  create(input: { slug: string; name: string }): Promise<Organization>;
  find(orgId: string): Promise<Organization | null>;
  findBySlug(slug: string): Promise<Organization | null>;
  /** Null lists all; otherwise only the given ids. By name. */
  list(orgIds: readonly string[] | null, page: PageRequest): Promise<Page<Organization>>;
  rename(orgId: string, name: string): Promise<Organization | null>;
}

export interface User {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly passwordHash: string;
  readonly isSystemAdmin: boolean;
  readonly mustChangePassword: boolean;
  readonly disabled: boolean;
  readonly lastLoginAt: Date | null;
}
export interface Membership {
  readonly orgId: string;
  readonly orgSlug: string;
  readonly orgName: string;
  readonly role: 'org_admin' | 'org_member';
}
export interface Member {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly role: 'org_admin' | 'org_member';
  readonly createdAt: Date;
  readonly lastLoginAt: Date | null;
}
export interface UserStore {
  count(): Promise<number>;
  /** E-mail is compared without case. @throws StoreError 'conflict' */
  create(input: {
    email: string;
    name: string;
    passwordHash: string;
    isSystemAdmin: boolean;
    mustChangePassword: boolean;
  }): Promise<User>;
  find(userId: string): Promise<User | null>;
  findByEmail(email: string): Promise<User | null>;
  setPassword(userId: string, passwordHash: string, mustChangePassword: boolean): Promise<void>;
  recordLogin(userId: string, at: Date): Promise<void>;
  memberships(userId: string): Promise<readonly Membership[]>;
  members(orgId: string, page: PageRequest): Promise<Page<Member>>;
  member(orgId: string, userId: string): Promise<Member | null>;
  /** @throws StoreError 'conflict' when already a member. */
  addMember(orgId: string, userId: string, role: Membership['role']): Promise<void>;
  updateMember(orgId: string, userId: string, role: Membership['role']): Promise<boolean>;
  removeMember(orgId: string, userId: string): Promise<boolean>;
}

export interface Session {
  readonly tokenHash: string;
  readonly userId: string;
  readonly csrfToken: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}
export interface SessionStore {
  create(
    input: Omit<Session, 'lastUsedAt'> & { ipAddress: string | null; userAgent: string | null },
  ): Promise<void>;
  /** Live ones only: not expired at `now`, used since `idleSince`, user not disabled. Moves `lastUsedAt` at most once a minute. */
  use(tokenHash: string, now: Date, idleSince: Date): Promise<Session | null>;
  end(tokenHash: string): Promise<void>;
  endAllOf(userId: string, exceptTokenHash: string | null): Promise<number>;
  deleteExpired(now: Date): Promise<number>;
}

// ---- devices -------------------------------------------------------------------------------------------------

export type Intent = 'active' | 'maintenance' | 'disabled';
export type Observation = 'never_seen' | 'online' | 'degraded' | 'offline' | 'error';
export type DeviceStatus = Exclude<Observation, never> | 'maintenance' | 'disabled';

export interface Device {
  readonly id: string;
  readonly orgId: string;
  readonly orgSlug: string;
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
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
export interface DeviceFilter {
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
}
export interface DeviceStore {
  /** @throws StoreError 'conflict' with `field` 'device_name' or 'hardware_id'. */
  create(orgId: string, input: NewDevice): Promise<Device>;
  find(orgId: string | null, deviceId: string): Promise<Device | null>;
  /** Over all organisations: hardware enrols once in the installation. Locks the row inside a transaction. */
  findByHardwareId(hardwareId: string): Promise<Device | null>;
  list(
    orgId: string | null | readonly string[],
    filter: DeviceFilter,
    page: PageRequest,
  ): Promise<Page<Device>>;
  summary(orgId: string | null | readonly string[]): Promise<{
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

// ---- presence and heartbeats (device_presence, presence_events) ----------------------------------------------

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
  lock(addresses: readonly { org: string; device: string }[]): Promise<readonly PresenceState[]>;
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
  /** Copies device_presence.last_heartbeat_at to edge_devices.last_seen where it is newer. @returns rows */
  flushLastSeen(): Promise<number>;
}
export interface PresenceSnapshot extends PresenceState {
  readonly heartbeat: Heartbeat | null;
  /** Of the last heartbeat that carried any. */
  readonly facts: Readonly<Record<string, unknown>>;
}

// ---- telemetry (device_metrics, ingest_cursors, dead_letters) ------------------------------------------------

export interface MetricsBatchRow {
  readonly deviceId: string;
  readonly orgId: string;
  readonly bootId: string;
  readonly seq: number;
  readonly receivedAt: Date;
  readonly records: readonly MetricRecord[];
}
export interface TelemetryStore {
  /** Highest contiguous seq committed for (device, boot); absent = 0. Keyed `${deviceId} ${stream} ${bootId}`. Makes and locks the rows, so only inside a transaction. */
  cursors(
    keys: readonly { deviceId: string; stream: string; bootId: string }[],
  ): Promise<ReadonlyMap<string, number>>;
  moveCursors(
    moves: readonly {
      deviceId: string;
      orgId: string;
      stream: string;
      bootId: string;
      seq: number;
      at: Date;
    }[],
  ): Promise<void>;
  /** unnest; one statement. Device time far outside [now-2y, now+1d] is stored at receive time with `metadata.clock_skew`. */
  insertMetrics(
    rows: readonly { deviceId: string; orgId: string; receivedAt: Date; record: MetricRecord }[],
  ): Promise<number>;
  recentMetrics(
    orgId: string,
    deviceId: string,
    limit: number,
  ): Promise<readonly { timestamp: Date; metricType: string; value: Record<string, unknown> }[]>;
  deadLetter(
    rows: readonly {
      orgSlug: string | null;
      device: string | null;
      channel: string | null;
      topic: string;
      reason: string;
      sample: Uint8Array;
      receivedAt: Date;
    }[],
  ): Promise<void>;
}

// ---- enrolment -----------------------------------------------------------------------------------------------

export interface RegistrationToken {
  readonly id: string;
  readonly orgId: string;
  readonly orgSlug: string;
  readonly prefix: string;
  readonly name: string;
  readonly deviceType: Device['type'] | null;
  readonly tags: readonly string[];
  readonly maxUses: number;
  readonly uses: number;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly createdAt: Date;
  readonly createdBy: string | null;
  readonly replacesDeviceId: string | null;
  readonly lastDevice: { id: string; name: string; status: DeviceStatus } | null;
}
export interface RegistrationTokenStore {
  create(
    orgId: string,
    input: Pick<
      RegistrationToken,
      'prefix' | 'name' | 'deviceType' | 'tags' | 'maxUses' | 'expiresAt' | 'replacesDeviceId'
    > & {
      tokenHash: string;
      createdBy: string | null;
    },
  ): Promise<RegistrationToken>;
  find(orgId: string | null, tokenId: string): Promise<RegistrationToken | null>;
  list(orgId: string | null | readonly string[], page: PageRequest): Promise<Page<RegistrationToken>>;
  revoke(orgId: string, tokenId: string, at: Date): Promise<boolean>;
  /** By SHA-256 of the whole token, `FOR UPDATE`: parallel claims queue here. */
  lockByHash(tokenHash: string): Promise<RegistrationToken | null>;
  /** One use, remembered with (hardware id, key thumbprint) so that a lost reply is retried safely. */
  recordUse(
    tokenId: string,
    use: { deviceId: string; hardwareId: string; keyThumbprint: string; at: Date },
  ): Promise<void>;
  findUse(tokenId: string, hardwareId: string, keyThumbprint: string): Promise<{ deviceId: string } | null>;
}

export interface Certificate {
  readonly serial: string;
  readonly orgId: string;
  readonly deviceId: string | null;
  readonly integratorId: string | null;
  readonly state: 'pending' | 'active' | 'superseded' | 'revoked';
  readonly subject: string;
  readonly fingerprintSha256: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly keyThumbprint: string;
  readonly pem: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
  readonly revocationReason: string | null;
}
export interface CertificateStore {
  add(input: Omit<Certificate, 'createdAt' | 'revokedAt' | 'revocationReason'>): Promise<void>;
  findBySerial(serial: string): Promise<Certificate | null>;
  ofDevice(orgId: string, deviceId: string): Promise<readonly Certificate[]>;
  ofIntegrator(orgId: string, integratorId: string): Promise<readonly Certificate[]>;
  /** pending → active; older active ones of the same holder → superseded (still valid until they expire). @returns whether it changed */
  activate(serial: string): Promise<boolean>;
  /** Every certificate of the holder that is not revoked; @returns the serials revoked now. */
  revokeOfDevice(orgId: string, deviceId: string, reason: string, at: Date): Promise<readonly string[]>;
  revokeOfIntegrator(
    orgId: string,
    integratorId: string,
    reason: string,
    at: Date,
  ): Promise<readonly string[]>;
  /**
   * For devices that do not name their certificate: where one was heard since its newest pending certificate was made
   * and none of its certificates is active, that one is what it used. @returns how many
   */
  activateHeard(): Promise<number>;
  /** Pending ones made before `before` whose device was not heard since. @returns the serials */
  revokeStalePending(before: Date, at: Date): Promise<readonly string[]>;
  /** Revoked and not yet expired: what brokers and the CRL need. Survives the deletion of device and organisation. */
  revoked(now: Date): Promise<readonly { serial: string; revokedAt: Date; reason: string | null }[]>;
}

export interface Integrator {
  readonly id: string;
  readonly orgId: string;
  readonly orgSlug: string;
  readonly name: string;
  readonly createdAt: Date;
}
export interface IntegratorStore {
  /** @throws StoreError 'conflict' on a known name in the organisation. */
  create(orgId: string, name: string): Promise<Integrator>;
  find(orgId: string | null, integratorId: string): Promise<Integrator | null>;
  list(orgId: string | null | readonly string[], page: PageRequest): Promise<Page<Integrator>>;
  delete(orgId: string, integratorId: string): Promise<boolean>;
}

// ---- audit and refusals --------------------------------------------------------------------------------------

export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  readonly orgId: string | null;
  /** `person:{email}`, `device:{id}`, `token:{prefix}` or `system`. */
  readonly actor: string;
  readonly ipAddress: string | null;
  readonly action: string;
  readonly object: string;
  readonly outcome: 'success' | 'refused' | 'failed';
  readonly detail: unknown;
}
export interface AuditStore {
  append(entry: Omit<AuditEntry, 'id' | 'at'>): Promise<void>;
  list(
    orgId: string | null | readonly string[],
    filter: { object?: string },
    page: PageRequest,
  ): Promise<Page<AuditEntry>>;
}

export interface RefusalStore {
  append(report: RefusalReport, at: Date): Promise<void>;
  list(
    orgId: string | null | readonly string[],
    filter: { deviceId?: string },
    page: PageRequest,
  ): Promise<Page<{ at: Date; deviceId: string | null; reason: string; detail: string; count: number }>>;
  deleteBefore(before: Date): Promise<number>;
}

// ---- all together --------------------------------------------------------------------------------------------

export interface Stores {
  readonly organizations: OrganizationStore;
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly devices: DeviceStore;
  readonly presence: PresenceStore;
  readonly telemetry: TelemetryStore;
  readonly tokens: RegistrationTokenStore;
  readonly certificates: CertificateStore;
  readonly integrators: IntegratorStore;
  readonly audit: AuditStore;
  readonly refusals: RefusalStore;
  /** pg NOTIFY, delivered when the transaction commits. Payload ≤ 7,900 bytes of JSON. */
  notify(channel: NotifyChannel, payload: unknown): Promise<void>;
}

/** `live`: LiveEvent objects for the console; `revocations`: {serials}. */
export type NotifyChannel = 'edge_live' | 'edge_revocations';

export interface Database extends Stores {
  /** Runs `work` in one transaction, whose stores see it; commits when it resolves, rolls back when it throws. */
  transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T>;
  /** A dedicated connection that LISTENs; reconnects by itself and calls `onResync` after each (re)connect, the first included. */
  listen(
    channel: NotifyChannel,
    handlers: { onMessage(payload: unknown): void; onResync(): void },
  ): Promise<{ stop(): Promise<void> }>;
  /** Holds a session advisory lock while `work` runs; resolves null at once when another process has it. */
  withLock<T>(name: string, work: () => Promise<T>): Promise<T | null>;
  /** Round trip; rejects within `timeoutMs`. */
  ping(timeoutMs: number): Promise<void>;
  readonly timeseries: 'timescale-community' | 'timescale-apache' | 'plain';
  /** Creates the partitions of the next months where the variant needs it; drops chunks older than retention. */
  maintain(now: Date): Promise<void>;
  close(): Promise<void>;
}

/** What a caller can act on; all else is thrown as pg gave it. */
export type StoreErrorCode = 'conflict' | 'cursor_invalid' | 'unavailable';
