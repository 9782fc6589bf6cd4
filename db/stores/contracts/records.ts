/** Stores of the audit log and of what the broker refused. */
import type { RefusalReport } from '#contract';
import type { DeviceScope } from './devices.ts';
import type { Page, PageRequest } from './page.ts';

export const AUDIT_ACTOR_KINDS = [
  'person',
  'key',
  'service',
  'device',
  'token',
  'system',
  'provider',
  'other',
] as const;
export type AuditActorKind = (typeof AUDIT_ACTOR_KINDS)[number];
export type AuditOutcome = 'success' | 'refused' | 'failed';

/** A row to be written. What is left out follows from the texts: the database takes `{kind}:{id}` of actor and object apart. */
export interface NewAuditEntry {
  readonly orgId: string | null;
  /** `person:{email}`, `key:{prefix} {email}`, `device:{id}`, `token:{prefix}` or `system`. */
  readonly actor: string;
  readonly ipAddress: string | null;
  readonly action: string;
  readonly object: string;
  readonly outcome: AuditOutcome;
  /** JSON; `before` and `after` in it become the row's difference, `code` of a refusal its error code. */
  readonly detail: unknown;
  readonly actorKind?: AuditActorKind | undefined;
  readonly actorId?: string | undefined;
  readonly userAgent?: string | null | undefined;
  readonly requestId?: string | undefined;
  /** UUID. A second row of one attempt is refused: StoreError 'conflict', field `attempt`. */
  readonly attemptId?: string | undefined;
  /** Refusals of one kind that the row stands for; default 1. */
  readonly repeats?: number | undefined;
}

export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  readonly orgId: string | null;
  readonly actor: string;
  readonly actorKind: AuditActorKind;
  readonly actorId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
  readonly action: string;
  readonly object: string;
  readonly objectKind: string;
  readonly objectId: string | null;
  readonly outcome: AuditOutcome;
  readonly errorCode: string | null;
  readonly repeats: number;
  readonly detail: unknown;
  readonly before: unknown;
  readonly after: unknown;
  readonly chainPosition: number;
  /** Hex of 32 bytes. */
  readonly previousHash: string;
  readonly hash: string;
}

export interface AuditFilter {
  readonly actor?: string | undefined;
  readonly actorKind?: AuditActorKind | undefined;
  readonly action?: string | undefined;
  readonly object?: string | undefined;
  readonly outcome?: AuditOutcome | undefined;
  /** Included. */
  readonly from?: Date | undefined;
  /** Excluded. */
  readonly to?: Date | undefined;
  /** Part of actor, action, object, error code or address, in any case. */
  readonly text?: string | undefined;
}

/** Every column as the text that its hash is made of; null stays null. */
export interface AuditChainRow {
  readonly id: string;
  readonly organization_id: string | null;
  readonly chain_position: string;
  readonly previous_hash: string;
  readonly hash: string;
  /** UTC with six digits of the second. */
  readonly at: string;
  readonly attempt_id: string | null;
  readonly actor: string;
  readonly actor_kind: string;
  readonly actor_id: string | null;
  readonly ip_address: string | null;
  readonly user_agent: string | null;
  readonly request_id: string | null;
  readonly action: string;
  readonly object: string;
  readonly object_kind: string;
  readonly object_id: string | null;
  readonly outcome: string;
  readonly error_code: string | null;
  readonly repeats: string;
  /** JSON as PostgreSQL writes it. */
  readonly detail: string | null;
  readonly before: string | null;
  readonly after: string | null;
}

/** Last row of a chain; null: of the installation, for rows without organisation. */
export interface AuditHead {
  readonly orgId: string | null;
  readonly position: number;
  readonly hash: string;
}

/** Where a reader of chains stands: they come one after the other, each from its first row on. */
export interface AuditChainPlace {
  readonly orgId: string | null;
  readonly position: number;
}

export interface AuditCheckpoint extends AuditHead {
  readonly id: string;
  readonly at: Date;
  readonly keyId: string;
  /** base64 */
  readonly signature: string;
}

/** One organisation, several, or null for everything. */
export type AuditScope = string | null | readonly string[];

export interface AuditStore {
  /** Holds the chain's head until the transaction ends: the last statement of it. */
  append(entry: NewAuditEntry): Promise<void>;
  list(scope: AuditScope, filter: AuditFilter, page: PageRequest): Promise<Page<AuditEntry>>;
  find(scope: AuditScope, id: string): Promise<AuditEntry | null>;
  /** Rows after a place, chain by chain and from the first on: what an export and a check read. */
  chainRows(
    scope: AuditScope,
    filter: AuditFilter,
    after: AuditChainPlace | null,
    limit: number,
  ): Promise<readonly AuditChainRow[]>;
  /** Every chain that has a head, rows or checkpoints. */
  chains(scope: AuditScope): Promise<readonly (string | null)[]>;
  /** Rows of one chain after `position` and, of the same instant, its head and the checkpoints behind `position`. */
  chainSlice(
    orgId: string | null,
    position: number,
    limit: number,
  ): Promise<{
    readonly rows: readonly AuditChainRow[];
    readonly head: AuditHead | null;
    readonly checkpoints: readonly AuditCheckpoint[];
  }>;
  /** Heads of chains that grew since their last checkpoint. */
  headsToSign(): Promise<readonly AuditHead[]>;
  addCheckpoints(checkpoints: readonly Omit<AuditCheckpoint, 'id'>[]): Promise<void>;
  checkpoints(scope: AuditScope, page: PageRequest): Promise<Page<AuditCheckpoint>>;
}

export interface RefusalStore {
  append(report: RefusalReport, at: Date): Promise<void>;
  list(
    scope: DeviceScope,
    filter: { deviceId?: string },
    page: PageRequest,
  ): Promise<Page<{ at: Date; deviceId: string | null; reason: string; detail: string; count: number }>>;
  deleteBefore(before: Date): Promise<number>;
}
