/** Rows of the store become the series of an answer: aggregated, with their gaps, few enough to draw. Pure. */
import type { Bucket } from '#db';
import { type Aggregation, type Downsampling, MAX_SERIES_POINTS, type SeriesView } from '#web-api';
import { byBounds, byValue, lttbWithGaps, minmax, type Point } from './downsample.ts';
import { findGaps } from './gaps.ts';

/** More lines nobody tells apart; the answer says that there are more. */
export const MAX_SERIES = 100;

export interface SeriesShape {
  readonly metricType: string;
  readonly aggregation: Aggregation;
  readonly bucketSeconds: number | null;
  readonly downsample: Downsampling;
  readonly maxPoints: number;
  unitOf(metricType: string, field: string): string | null;
  deviceName(deviceId: string): string | null;
}

/** @param rows ordered by device, field, labels, time. */
export function assembleSeries(
  rows: readonly Bucket[],
  shape: SeriesShape,
  maxSeries: number = MAX_SERIES,
): { series: SeriesView[]; truncated: boolean } {
  const series: SeriesView[] = [];
  let truncated = false;
  let start = 0;
  while (start < rows.length) {
    const end = endOfSeries(rows, start);
    if (series.length === maxSeries) return { series, truncated: true };
    const drawn = draw(rows.slice(start, end), shape);
    truncated ||= drawn.truncated;
    series.push(drawn.view);
    start = end;
  }
  return { series, truncated };
}

/** Position after the last row of the series that begins at `start`. */
export function endOfSeries(rows: readonly Bucket[], start: number): number {
  const first = rows[start];
  if (first === undefined) return start;
  let end = start + 1;
  for (let row = rows[end]; row !== undefined && isSameSeries(first, row); row = rows[end]) end += 1;
  return end;
}

function isSameSeries(one: Bucket, other: Bucket): boolean {
  if (one.field !== other.field || one.deviceId !== other.deviceId) return false;
  if (one.labels === other.labels) return true;
  const names = Object.keys(one.labels);
  return (
    names.length === Object.keys(other.labels).length &&
    names.every((name) => one.labels[name] === other.labels[name])
  );
}

/** Of one series; labels in the order of their names. */
export const keyOf = ({ deviceId, field, labels }: Pick<Bucket, 'deviceId' | 'field' | 'labels'>): string =>
  JSON.stringify([deviceId, field, Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1))]);

export function aggregate({ n, sum, min, max }: Bucket, aggregation: Aggregation): number {
  switch (aggregation) {
    case 'mean':
      return sum / n;
    case 'min':
      return min;
    case 'max':
      return max;
    case 'sum':
      return sum;
    case 'count':
      return n;
  }
}

function draw(rows: readonly Bucket[], shape: SeriesShape): { view: SeriesView; truncated: boolean } {
  const points = withGaps(
    rows.map((row) => ({ t: row.atMs, v: aggregate(row, shape.aggregation), min: row.min, max: row.max })),
    shape.bucketSeconds,
  );
  const { kept, truncated } = thinOut(points, shape);
  const { deviceId = '', field = '', labels = {} } = rows[0] ?? {};
  return {
    view: {
      device_id: deviceId === '' ? null : deviceId,
      device_name: deviceId === '' ? null : shape.deviceName(deviceId),
      metric_type: shape.metricType,
      field,
      labels: { ...labels },
      unit: shape.aggregation === 'count' ? null : shape.unitOf(shape.metricType, field),
      t: kept.map(({ t }) => t),
      v: kept.map(({ v }) => v),
      min: kept.map(({ min }) => min),
      max: kept.map(({ max }) => max),
    },
    truncated,
  };
}

/** A null right after the last point before each gap. */
export function withGaps(points: readonly Point[], bucketSeconds: number | null): Point[] {
  const times = points.map(({ t }) => t);
  const gaps = new Set(findGaps(times, bucketSeconds));
  if (gaps.size === 0) return [...points];
  return points.flatMap((point, index) => {
    const before = points[index - 1];
    if (!gaps.has(index) || before === undefined) return [point];
    const t = Math.min(before.t + (bucketSeconds ?? 1) * 1000, Math.floor((before.t + point.t) / 2));
    return [{ t, v: null, min: null, max: null }, point];
  });
}

function thinOut(
  points: readonly Point[],
  { downsample, maxPoints, aggregation }: SeriesShape,
): { kept: readonly Point[]; truncated: boolean } {
  switch (downsample) {
    case 'minmax': {
      const extent = aggregation === 'sum' || aggregation === 'count' ? byValue : byBounds;
      return { kept: minmax(points, maxPoints, extent), truncated: false };
    }
    case 'lttb':
      return { kept: lttbWithGaps(points, maxPoints), truncated: false };
    case 'none':
      return {
        kept: points.slice(0, MAX_SERIES_POINTS),
        truncated: points.length > MAX_SERIES_POINTS,
      };
  }
}
