/** Reads what a device streams to its viewers. Pure. */
import { LOG_LEVELS, type LogRecord, type MetricRecord } from '#contract';

export type WatchState = 'waiting' | 'streaming' | 'offline';
export type LiveUpdate =
  | { readonly kind: 'logs'; readonly skipped: number; readonly records: readonly LogRecord[] }
  | { readonly kind: 'metrics'; readonly skipped: number; readonly records: readonly MetricRecord[] }
  | { readonly kind: 'state'; readonly state: WatchState };

const STATES: readonly WatchState[] = ['waiting', 'streaming', 'offline'];

/** Null for what this release does not know; a record that is not one is left out. */
export function decodeLiveUpdate(data: string): LiveUpdate | null {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  if (value.kind === 'state') {
    const state = STATES.find((known) => known === value.state);
    return state === undefined ? null : { kind: 'state', state };
  }
  const records: readonly unknown[] = Array.isArray(value.records) ? value.records : [];
  const skipped = typeof value.skipped === 'number' ? value.skipped : 0;
  if (value.kind === 'logs') return { kind: 'logs', skipped, records: records.filter(isLogRecord) };
  if (value.kind === 'metrics') return { kind: 'metrics', skipped, records: records.filter(isMetricRecord) };
  return null;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isTime = (value: unknown): boolean => typeof value === 'string' && !Number.isNaN(Date.parse(value));

const isLogRecord = (value: unknown): value is LogRecord =>
  isRecord(value) &&
  isTime(value.timestamp) &&
  LOG_LEVELS.some((level) => level === value.log_level) &&
  typeof value.service_name === 'string' &&
  typeof value.message === 'string';

const isMetricRecord = (value: unknown): value is MetricRecord =>
  isRecord(value) &&
  isTime(value.timestamp) &&
  typeof value.metric_type === 'string' &&
  isRecord(value.value);
