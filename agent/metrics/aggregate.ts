/**
 * Edge aggregation: the samples of a series within a window become one record with means, minima and maxima (SD-B4).
 * Windows begin at multiples of their length since 1970, so that devices and restarts share them. Pure.
 */
import type { MetricRecord } from '#contract';
import { seriesKey } from './series.ts';

interface FieldTotals {
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

interface Window {
  readonly metricType: string;
  readonly labels: MetricRecord['labels'];
  readonly startMs: number;
  lastMs: number;
  count: number;
  readonly numbers: Map<string, FieldTotals>;
  /** Of what is no number, the last. */
  readonly others: Map<string, string | boolean | null>;
}

/** The series are bounded by what may enter; this only stops a mistake from filling the memory. */
export const MAX_OPEN_WINDOWS = 20_000;

export interface Aggregator {
  /** Windows that this record closed; a record that is an aggregate already is given back as it is. */
  add(record: MetricRecord): MetricRecord[];
  /** Windows that do not hold `nowMs`, closed. */
  advance(nowMs: number): MetricRecord[];
  /** All windows, closed early: they end at their last sample. */
  flush(): MetricRecord[];
}

/** `seconds`: length of a window, 1 or more. */
export function createAggregator(seconds: number): Aggregator {
  const lengthMs = seconds * 1000;
  const windows = new Map<string, Window>();
  const startOf = (ms: number): number => Math.floor(ms / lengthMs) * lengthMs;
  const close = (key: string, window: Window): MetricRecord => {
    windows.delete(key);
    return aggregateOf(window, window.startMs + lengthMs, seconds);
  };
  return {
    add(record) {
      const atMs = Date.parse(record.timestamp);
      if (record.aggregate !== undefined || !Number.isFinite(atMs)) return [record];
      const key = seriesKey(record.metric_type, record.labels);
      const known = windows.get(key);
      const closed: MetricRecord[] = [];
      if (known !== undefined && known.startMs !== startOf(atMs)) closed.push(close(key, known));
      if (!windows.has(key) && windows.size >= MAX_OPEN_WINDOWS) return [...closed, record];
      const window = windows.get(key) ?? open(record, startOf(atMs), atMs);
      windows.set(key, window);
      addSample(window, record.value, atMs);
      return closed;
    },
    advance(nowMs) {
      const current = startOf(nowMs);
      return [...windows].filter(([, { startMs }]) => startMs !== current).map(([key, w]) => close(key, w));
    },
    flush() {
      const open = [...windows.values()];
      windows.clear();
      return open.map((window) => {
        const whole = Math.ceil((window.lastMs - window.startMs) / 1000);
        return aggregateOf(window, window.lastMs, Math.max(1, whole));
      });
    },
  };
}

const open = ({ metric_type, labels }: MetricRecord, startMs: number, atMs: number): Window => ({
  metricType: metric_type,
  labels,
  startMs,
  lastMs: atMs,
  count: 0,
  numbers: new Map(),
  others: new Map(),
});

function addSample(window: Window, value: MetricRecord['value'], atMs: number): void {
  window.count += 1;
  window.lastMs = Math.max(window.lastMs, atMs);
  for (const [field, sample] of Object.entries(value)) {
    if (typeof sample !== 'number') window.others.set(field, sample);
    else window.numbers.set(field, withNumber(window.numbers.get(field), sample));
  }
}

function withNumber(totals: FieldTotals | undefined, sample: number): FieldTotals {
  if (totals === undefined) return { count: 1, mean: sample, min: sample, max: sample };
  const count = totals.count + 1;
  const min = Math.min(totals.min, sample);
  const max = Math.max(totals.max, sample);
  // Divided before it is added, so that no sum overflows; rounding must not carry the mean past the samples.
  const mean = Math.min(max, Math.max(min, totals.mean + (sample / count - totals.mean / count)));
  return { count, mean, min, max };
}

function aggregateOf(window: Window, endMs: number, seconds: number): MetricRecord {
  const { metricType, labels, count, numbers, others } = window;
  const each = (pick: (totals: FieldTotals) => number): Record<string, number> =>
    Object.fromEntries([...numbers].map(([field, totals]) => [field, pick(totals)]));
  return {
    timestamp: new Date(endMs).toISOString(),
    metric_type: metricType,
    value: { ...Object.fromEntries(others), ...each(({ mean }) => mean) },
    ...(labels === undefined ? {} : { labels }),
    aggregate: { seconds, count, min: each(({ min }) => min), max: each(({ max }) => max) },
  };
}
