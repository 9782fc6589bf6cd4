/** The tables that grow with time: which column is their time, and how long rows are kept. */

const DAY_MS = 86_400_000;

export interface Series {
  readonly table: string;
  readonly timeColumn: string;
  /** Width of a hypertable's chunk; partitions are always whole months. */
  readonly chunkDays: number;
  readonly retentionDays: number;
  /** Order inside a compressed chunk, where the edition compresses. */
  readonly compressOrder: string;
}

export const SERIES: readonly Series[] = [
  {
    table: 'device_metrics',
    timeColumn: 'timestamp',
    chunkDays: 7,
    retentionDays: 90,
    compressOrder: '"timestamp" DESC',
  },
  {
    table: 'presence_events',
    timeColumn: 'at',
    chunkDays: 30,
    // A year of uptime, and a month to report on it.
    retentionDays: 400,
    compressOrder: 'at DESC, id DESC',
  },
];

export const cutoffOf = (series: Series, now: Date): Date =>
  new Date(now.getTime() - series.retentionDays * DAY_MS);
