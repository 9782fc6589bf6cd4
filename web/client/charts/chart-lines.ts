/** The lines of one chart: from the server's series, and on with what the device streams. Pure. */
import type { MetricRecord } from '#contract';
import type { SeriesReply, SeriesView } from '#web-api';
import { type ChartSpec, lineName } from './metric-charts.ts';

/** Streamed points further apart than this have a gap between them. */
const GAP_MS = 90_000;
/** A chart with more lines says nothing; the rest is named as left out. */
export const MAX_LINES = 64;

export interface ChartLine {
  readonly key: string;
  readonly name: string;
  /** 0 = the device of the page, 1 = the one it is compared with. */
  readonly device: 0 | 1;
  /** Oldest first, of equal length; a null value is a gap. */
  readonly t: readonly number[];
  readonly v: readonly (number | null)[];
  /** Lowest and highest of each bucket; empty where points are samples. */
  readonly min: readonly (number | null)[];
  readonly max: readonly (number | null)[];
}

export function linesOf(chart: ChartSpec, reply: SeriesReply, device: 0 | 1): readonly ChartLine[] {
  const hasBand = reply.series.some((series) =>
    series.min.some((low, index) => low !== (series.max[index] ?? null)),
  );
  return reply.series
    .filter((series) => isShown(chart, series))
    .map((series) => ({
      key: keyOf(series.field, series.labels),
      name: lineName(chart, series.field, series.labels),
      device,
      t: series.t,
      v: series.v,
      min: hasBand ? series.min : [],
      max: hasBand ? series.max : [],
    }))
    .sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
}

const isShown = (chart: ChartSpec, series: SeriesView): boolean =>
  series.metric_type === chart.metricType &&
  (chart.fields === null || chart.fields.includes(series.field)) &&
  (!chart.isCustom || series.unit === chart.unit);

const keyOf = (field: string, labels: Readonly<Record<string, string>>): string =>
  JSON.stringify([field, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);

/** Adds streamed samples that are newer than what is there; a field that was never seen waits for the next reading. */
export function withStreamed(
  chart: ChartSpec,
  lines: readonly ChartLine[],
  records: readonly MetricRecord[],
): readonly ChartLine[] {
  const own = records.filter((record) => record.metric_type === chart.metricType);
  if (own.length === 0) return lines;
  return lines.map((line) => (line.device === 1 ? line : appended(line, own)));
}

function appended(line: ChartLine, records: readonly MetricRecord[]): ChartLine {
  const t = [...line.t];
  const v = [...line.v];
  const min = [...line.min];
  const max = [...line.max];
  const add = (atMs: number, value: number | null): void => {
    t.push(atMs);
    v.push(value);
    if (line.min.length > 0) {
      min.push(value);
      max.push(value);
    }
  };
  for (const record of records) {
    const atMs = Date.parse(record.timestamp);
    const lastMs = t.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (atMs <= lastMs) continue;
    for (const [field, value] of Object.entries(record.value)) {
      if (typeof value !== 'number' || keyOf(field, record.labels ?? {}) !== line.key) continue;
      if (Number.isFinite(lastMs) && atMs - lastMs > GAP_MS) add(lastMs + 1, null);
      add(atMs, value);
    }
  }
  return t.length === line.t.length ? line : { ...line, t, v, min, max };
}

/** Index of the point nearest to the instant, at most `withinMs` away; -1 where there is none. */
export function nearest(t: readonly number[], atMs: number, withinMs: number): number {
  let low = 0;
  let high = t.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((t[middle] ?? 0) < atMs) low = middle + 1;
    else high = middle;
  }
  const before = low > 0 && atMs - (t[low - 1] ?? 0) < (t[low] ?? 0) - atMs ? low - 1 : low;
  const at = t[before];
  return at !== undefined && Math.abs(at - atMs) <= withinMs ? before : -1;
}

/** Lowest and highest value of all lines, bands included; null where there is nothing. */
export function extent(lines: readonly ChartLine[]): { readonly low: number; readonly high: number } | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { v, min, max } of lines) {
    for (const values of [v, min, max]) {
      for (const value of values) {
        if (value === null) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
  }
  return low > high ? null : { low, high };
}
