/** Store of measurements, ingest cursors and dead letters. */
import type { MetricRecord } from '#contract';

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
