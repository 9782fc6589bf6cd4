/** Edge aggregation against a model that keeps every sample. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeValue, MetricRecord } from '#contract';
import { createAggregator } from '../../../../agent/metrics/aggregate.ts';
import { seriesKey } from '../../../../agent/metrics/series.ts';

const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
const record = (seconds: number, percent: number, labels?: Record<string, string>): MetricRecord => ({
  timestamp: at(seconds),
  metric_type: 'cpu',
  value: { percent },
  ...(labels === undefined ? {} : { labels }),
});

describe('an aggregator', () => {
  it('gives mean, minimum and maximum of each window, aligned to the clock', () => {
    const aggregator = createAggregator(60);
    for (const [second, percent] of [
      [65, 10],
      [80, 40],
      [119, 10],
    ] as const) {
      expect(aggregator.add(record(second, percent))).toEqual([]);
    }
    expect(aggregator.add(record(120, 99))).toEqual([
      {
        timestamp: at(120),
        metric_type: 'cpu',
        value: { percent: 20 },
        aggregate: { seconds: 60, count: 3, min: { percent: 10 }, max: { percent: 40 } },
      },
    ]);
  });

  it('keeps series apart by label, whatever the order of the labels', () => {
    const aggregator = createAggregator(60);
    aggregator.add(record(0, 1, { a: '1', b: '2' }));
    aggregator.add(record(1, 3, { b: '2', a: '1' }));
    aggregator.add(record(2, 9, { a: '1' }));
    const counts = aggregator.flush().map(({ labels, aggregate }) => [labels, aggregate?.count]);
    expect(counts).toEqual([
      [{ a: '1', b: '2' }, 2],
      [{ a: '1' }, 1],
    ]);
  });

  it('closes what the clock has passed, and what it has left behind after a jump', () => {
    const aggregator = createAggregator(60);
    aggregator.add(record(30, 1));
    expect(aggregator.advance(59_999)).toEqual([]);
    expect(aggregator.advance(60_000)).toHaveLength(1);
    aggregator.add(record(7200, 1));
    expect(aggregator.advance(3_600_000)).toHaveLength(1);
    expect(aggregator.flush()).toEqual([]);
  });

  it('ends a window early at its last sample', () => {
    const aggregator = createAggregator(60);
    aggregator.add(record(61, 1));
    aggregator.add(record(70.5, 3));
    const [early] = aggregator.flush();
    expect(early).toMatchObject({
      timestamp: at(70.5),
      value: { percent: 2 },
      aggregate: { seconds: 11, count: 2 },
    });
  });

  it('keeps the last of what is no number, and counts a field by the samples that had it', () => {
    const aggregator = createAggregator(60);
    const sample = (second: number, value: MetricRecord['value']): MetricRecord => ({
      timestamp: at(second),
      metric_type: 'x',
      value,
    });
    aggregator.add(sample(1, { state: 'up', level: 2, other: null }));
    aggregator.add(sample(2, { state: 'down', level: null }));
    aggregator.add(sample(3, { level: 4 }));
    expect(aggregator.flush()[0]).toMatchObject({
      value: { state: 'down', level: 3, other: null },
      aggregate: { count: 3, min: { level: 2 }, max: { level: 4 } },
    });
  });

  it('passes an aggregate on as it is', () => {
    const done = { ...record(1, 2), aggregate: { seconds: 10, count: 5, min: {}, max: {} } };
    const aggregator = createAggregator(60);
    expect(aggregator.add(done)).toEqual([done]);
    expect(aggregator.flush()).toEqual([]);
  });

  it('agrees with a model on any samples, and loses none', () => {
    const samples = fc.array(
      fc.record({
        second: fc.integer({ min: 0, max: 400 }),
        value: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: -5, max: 5 })),
        series: fc.constantFrom('a', 'b', 'c'),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 120 }), (unsorted, seconds) => {
        const given = unsorted.toSorted((a, b) => a.second - b.second);
        const aggregator = createAggregator(seconds);
        const out = given.flatMap(({ second, value, series }) => [
          ...aggregator.advance(second * 1000),
          ...aggregator.add(record(second, value, { series })),
        ]);
        out.push(...aggregator.advance(10_000_000));
        expect(out.map(plain).sort(byKey)).toEqual(model(given, seconds).sort(byKey));
        for (const one of out) expect(decodeValue(MetricRecord, one).ok).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

interface Plain {
  readonly series: string;
  readonly end: string;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  /** True when the mean is as good as doubles can be. */
  readonly isMeanRight: boolean;
}
const byKey = (a: Plain, b: Plain): number => `${a.series}${a.end}`.localeCompare(`${b.series}${b.end}`);
let means = new Map<string, number>();
const plain = ({ labels, timestamp, value, aggregate }: MetricRecord): Plain => {
  const series = labels?.series ?? '';
  means.set(`${series}${timestamp}`, Number(value.percent));
  const [min = Number.NaN, max = Number.NaN] = [aggregate?.min.percent, aggregate?.max.percent];
  return { series, end: timestamp, count: aggregate?.count ?? 0, min, max, isMeanRight: true };
};

/** All samples of each window, added up at the end; halves are added so that no sum overflows. */
function model(
  given: readonly { second: number; value: number; series: string }[],
  seconds: number,
): Plain[] {
  const windows = Map.groupBy(given, ({ second, series }) => `${series}/${Math.floor(second / seconds)}`);
  const found = [...windows].map(([key, samples]) => {
    const [series = '', index] = key.split('/');
    const values = samples.map(({ value }) => value);
    const mean = values.reduce((sum, value) => sum + value / values.length, 0);
    const end = at((Number(index) + 1) * seconds);
    // Doubles are less exact next to zero.
    const scale = Math.max(...values.map(Math.abs), 1e-300);
    const isMeanRight = Math.abs((means.get(`${series}${end}`) ?? Number.NaN) / scale - mean / scale) < 1e-12;
    return {
      series,
      end,
      count: values.length,
      min: Math.min(...values),
      max: Math.max(...values),
      isMeanRight,
    };
  });
  means = new Map();
  return found;
}

describe('the key of a series', () => {
  it('cannot be made equal by quotes in a label', () => {
    const tricky = seriesKey('a', { x: '1","y","2' });
    expect(tricky).not.toBe(seriesKey('a', { x: '1', y: '2' }));
    expect(seriesKey('a', {})).toBe(seriesKey('a', undefined));
  });
});
