/**
 * What every store does, apart from how: the control plane depends on these interfaces alone.
 * `orgId` (a UUID) is the first argument wherever rows belong to one organisation; `null` there means that a
 * system admin asks over all of them. Stores return domain values, never rows of drizzle or pg. Times are Dates.
 */

import type { TenantScope } from '../../tenant.ts';
import type { AccountStore } from './accounts.ts';
import type { AuthorityStore, CertificateBoardStore } from './authorities.ts';
import type { ApiKeyStore, SecondFactorStore, ServiceAccountStore } from './credentials.ts';
import type { DeviceStore } from './devices.ts';
import type { DataKeyStore, SealedRowStore } from './encryption.ts';
import type { CertificateStore, IntegratorStore, RegistrationTokenStore } from './enrollment.ts';
import type { ClaimCodeStore, EnrollmentRequestStore } from './enrollment-requests.ts';
import type { GroupStore } from './groups.ts';
import type { IdentityStore, ProviderSessionStore } from './identities.ts';
import type { LogStore } from './logs.ts';
import type { OrganizationExportStore } from './organization-export.ts';
import type { OrganizationSecurityStore } from './organization-security.ts';
import type { OrganizationStore, SessionStore, UserStore } from './people.ts';
import type { PresenceStore } from './presence.ts';
import type { AuditStore, RefusalStore } from './records.ts';
import type { SecretStore } from './secrets.ts';
import type { SeriesStore } from './series.ts';
import type { TelemetryStore } from './telemetry.ts';
import type { MetricTypeStore, TelemetrySettingsStore } from './telemetry-settings.ts';

export interface Stores {
  readonly organizations: OrganizationStore;
  readonly organizationSecurity: OrganizationSecurityStore;
  readonly organizationExport: OrganizationExportStore;
  readonly users: UserStore;
  readonly accounts: AccountStore;
  readonly groups: GroupStore;
  readonly identities: IdentityStore;
  readonly providerSessions: ProviderSessionStore;
  readonly sessions: SessionStore;
  readonly secondFactors: SecondFactorStore;
  readonly apiKeys: ApiKeyStore;
  readonly serviceAccounts: ServiceAccountStore;
  readonly devices: DeviceStore;
  readonly presence: PresenceStore;
  readonly telemetry: TelemetryStore;
  readonly series: SeriesStore;
  readonly logs: LogStore;
  readonly telemetrySettings: TelemetrySettingsStore;
  readonly metricTypes: MetricTypeStore;
  readonly tokens: RegistrationTokenStore;
  readonly certificates: CertificateStore;
  readonly certificateBoard: CertificateBoardStore;
  readonly authorities: AuthorityStore;
  readonly integrators: IntegratorStore;
  readonly enrollmentRequests: EnrollmentRequestStore;
  readonly claimCodes: ClaimCodeStore;
  readonly dataKeys: DataKeyStore;
  readonly sealedRows: SealedRowStore;
  readonly secrets: SecretStore;
  readonly audit: AuditStore;
  readonly refusals: RefusalStore;
  /** pg NOTIFY, delivered when the transaction commits. Payload ≤ 7,900 bytes of JSON. */
  notify(channel: NotifyChannel, payload: unknown): Promise<void>;
}

/** `live`: LiveEvent objects for the console; `revocations`: {serials}; `telemetry`: {organization_id} whose settings or metric types changed. */
export type NotifyChannel = 'edge_live' | 'edge_revocations' | 'edge_telemetry';

export interface Database extends Stores {
  /** Runs `work` in one transaction, whose stores see it; commits when it resolves, rolls back when it throws. */
  transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T>;
  /**
   * Everything that `work` asks of this database, and what goes on after it (promises, timers), runs as the role that
   * row-level security keeps to the scope. @throws TypeError where an id is no UUID
   */
  asTenant<T>(scope: TenantScope, work: () => Promise<T>): Promise<T>;
  /** The door in that wall: `work` runs as the owner, in a transaction of the scope too. Each use says why. */
  asOwner<T>(work: () => Promise<T>): Promise<T>;
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
  /**
   * Makes partitions ahead, sizes chunks by the measured rate of rows, drops chunks and rows older than the retention
   * of their organisation and class.
   */
  maintain(now: Date): Promise<void>;
  close(): Promise<void>;
}

/** What a caller can act on; all else is thrown as pg gave it. */
export type StoreErrorCode = 'conflict' | 'cursor_invalid' | 'invalid' | 'unavailable';
