/** Several devices as one series. Pure. */
import type { Bucket } from '#db';
import type { Aggregation, Combination } from '#web-api';
import { aggregate, keyOf } from './series.ts';

/**
 * Whether sums and bounds over all samples of all devices are the answer already, so that the database can do it for
 * any number of devices. A sum of means is not: it needs each device by itself.
 */
export const isSumOverSamples = (combination: Combination, aggregation: Aggregation): boolean =>
  SUMS.has(`${combination} ${aggregation}`);
const SUMS: ReadonlySet<string> = new Set(['mean mean', 'min min', 'max max', 'sum sum', 'sum count']);

/** One series for each field and label set: per bucket the combination of what each device has there. */
export function combineDevices(
  rows: readonly Bucket[],
  combination: Exclude<Combination, 'none'>,
  aggregation: Aggregation,
): Bucket[] {
  const byPlace = new Map<
    string,
    { series: string; values: number[]; first: Bucket; min: number[]; max: number[] }
  >();
  for (const row of rows) {
    const series = keyOf({ ...row, deviceId: '' });
    const place = `${series} ${row.atMs}`;
    const known = byPlace.get(place) ?? { series, values: [], first: row, min: [], max: [] };
    known.values.push(aggregate(row, aggregation));
    known.min.push(row.min);
    known.max.push(row.max);
    byPlace.set(place, known);
  }
  return [...byPlace.values()]
    .sort((one, other) =>
      one.series === other.series ? one.first.atMs - other.first.atMs : one.series < other.series ? -1 : 1,
    )
    .map(({ first, values, min, max }) => ({
      deviceId: '',
      field: first.field,
      labels: first.labels,
      atMs: first.atMs,
      // As one sample, so that every further aggregation leaves the value as it is.
      n: 1,
      sum: combined(values, combination),
      min: combined(min, combination === 'sum' ? 'sum' : 'min'),
      max: combined(max, combination === 'sum' ? 'sum' : 'max'),
    }));
}

function combined(values: readonly number[], combination: Exclude<Combination, 'none'>): number {
  switch (combination) {
    case 'mean':
      return total(values) / values.length;
    case 'min':
      return values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
    case 'max':
      return values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    case 'sum':
      return total(values);
  }
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
