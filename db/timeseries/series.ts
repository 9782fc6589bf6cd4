/** The tables that grow with time: which column is their time, how they are cut, and whose retention they follow. */
import type { RetentionClass } from '../stores/contracts/telemetry-settings.ts';
import type { Width } from './spans.ts';

export interface Series {
  readonly table: string;
  readonly timeColumn: string;
  /** Of a hypertable's chunk until the rate of rows is known. */
  readonly chunkHours: number;
  /** Of a native partition until then. */
  readonly width: Width;
  /** Whose retention its rows follow; null = kept for `PRESENCE_DAYS`. */
  readonly retention: RetentionClass | null;
  /** Time of rows that one statement deletes of one device: some ten thousand rows at most. */
  readonly deleteHours: number;
  /** Order inside a compressed chunk, where the edition compresses. */
  readonly compressOrder: string;
}

/** A year of uptime, and a month to report on it. */
export const PRESENCE_DAYS = 400;

export const SERIES: readonly Series[] = [
  {
    table: 'device_metrics',
    timeColumn: 'timestamp',
    chunkHours: 168,
    width: 'month',
    retention: 'metrics',
    deleteHours: 6,
    compressOrder: '"timestamp" DESC',
  },
  {
    table: 'device_metrics_1m',
    timeColumn: 'bucket',
    chunkHours: 168,
    width: 'month',
    retention: 'metrics_1m',
    deleteHours: 24,
    compressOrder: 'metric_type, bucket DESC',
  },
  {
    table: 'device_metrics_1h',
    timeColumn: 'bucket',
    chunkHours: 720,
    width: 'month',
    retention: 'metrics_1h',
    deleteHours: 720,
    compressOrder: 'metric_type, bucket DESC',
  },
  {
    table: 'device_metrics_1d',
    timeColumn: 'bucket',
    chunkHours: 720,
    width: 'month',
    retention: 'metrics_1d',
    deleteHours: 8760,
    compressOrder: 'metric_type, bucket DESC',
  },
  {
    table: 'device_logs',
    timeColumn: 'timestamp',
    chunkHours: 24,
    width: 'day',
    retention: 'logs',
    deleteHours: 6,
    compressOrder: '"timestamp" DESC, id DESC',
  },
  {
    table: 'presence_events',
    timeColumn: 'at',
    chunkHours: 720,
    width: 'month',
    retention: null,
    deleteHours: 720,
    compressOrder: 'at DESC, id DESC',
  },
];
