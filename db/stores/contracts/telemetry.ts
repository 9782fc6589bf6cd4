/** Store of what ingest writes: rows of measurements and log lines, cursors, dead letters, counters. */
import type { LogLevel, MetricRecord } from '#contract';
import type { Page, PageRequest } from './page.ts';

export interface CursorKey {
  readonly deviceId: string;
  readonly stream: string;
  readonly bootId: string;
}
export interface MetricRow {
  readonly deviceId: string;
  readonly orgId: string;
  /** Milliseconds since 1970; already corrected and within what the tables accept. */
  readonly atMs: number;
  readonly receivedAtMs: number;
  readonly metricType: string;
  readonly value: MetricRecord['value'];
  readonly labels: Readonly<Record<string, string>> | null;
  /** aggregate, backfill, clock_skew_ms, device_timestamp: only what applies; null for an ordinary row. */
  readonly metadata: Readonly<Record<string, unknown>> | null;
}
export interface LogRow {
  readonly deviceId: string;
  readonly orgId: string;
  readonly atMs: number;
  readonly receivedAtMs: number;
  readonly level: LogLevel;
  readonly service: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, unknown>> | null;
}
export interface DeadLetter {
  readonly orgSlug: string | null;
  readonly device: string | null;
  readonly channel: string | null;
  readonly topic: string;
  readonly reason: string;
  readonly sample: Uint8Array;
  readonly receivedAt: Date;
}
export interface StoredDeadLetter extends DeadLetter {
  readonly id: number;
  readonly deviceName: string | null;
}
/** What one organisation sent in one minute; added to what is there already. */
export interface IngestMinute {
  readonly orgId: string;
  /** Start of the minute. */
  readonly at: Date;
  readonly messages: number;
  readonly points: number;
  readonly logLines: number;
  readonly deadLetters: number;
  readonly duplicates: number;
  /** Device time to commit without backfill; receipt to commit. Null where nothing was timed. */
  readonly lagMsMax: number | null;
  readonly commitMsMax: number | null;
}

export interface TelemetryStore {
  /** Highest contiguous seq committed for (device, stream, boot); absent = 0. Keyed `${deviceId} ${stream} ${bootId}`. Makes and locks the rows, so only inside a transaction. */
  cursors(keys: readonly CursorKey[]): Promise<ReadonlyMap<string, number>>;
  moveCursors(
    moves: readonly (CursorKey & { readonly orgId: string; readonly seq: number; readonly at: Date })[],
  ): Promise<void>;
  /**
   * COPY. The caller has locked the devices (`presence.lock`) and took org and id from there; also notes the hours
   * that rollups must sum up again. Only inside a transaction. @returns rows
   */
  insertMetrics(rows: readonly MetricRow[]): Promise<number>;
  /** COPY; the same conditions. */
  insertLogs(rows: readonly LogRow[]): Promise<number>;
  deadLetter(letters: readonly DeadLetter[]): Promise<void>;
  /** `orgSlugs` null = all organisations. Newest first. */
  listDeadLetters(
    scope:
      | readonly string[]
      | null
      | { readonly orgSlugs: readonly string[]; readonly groupIds: readonly string[] },
    filter: { readonly device?: string; readonly reason?: string },
    page: PageRequest,
  ): Promise<Page<StoredDeadLetter>>;
  addMinutes(minutes: readonly IngestMinute[]): Promise<void>;
  /** Summed over the organisations (null = all), one entry per minute that has any, oldest first. */
  minutes(
    orgIds: readonly string[] | null,
    from: Date,
    to: Date,
  ): Promise<readonly Omit<IngestMinute, 'orgId'>[]>;
}
