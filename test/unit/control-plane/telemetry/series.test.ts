/** Rows of the store as series of an answer. */
import { describe, expect, it } from 'vitest';
import type { Bucket } from '#db';
import { combineDevices, isSumOverSamples } from '../../../../control-plane/telemetry/combine.ts';
import { gapThresholdMs } from '../../../../control-plane/telemetry/gaps.ts';
import { assembleSeries, type SeriesShape } from '../../../../control-plane/telemetry/series.ts';
import { fieldFacts } from '../../../../control-plane/telemetry/units.ts';

const row = (atMs: number, sum: number, rest: Partial<Bucket> = {}): Bucket => ({
  deviceId: 'one',
  field: 'percent',
  labels: {},
  atMs,
  n: 1,
  sum,
  min: sum,
  max: sum,
  ...rest,
});
const shape: SeriesShape = {
  metricType: 'cpu',
  aggregation: 'mean',
  bucketSeconds: null,
  downsample: 'minmax',
  maxPoints: 500,
  unitOf: () => 'percent',
  deviceName: (id) => `device ${id}`,
};

describe('assembleSeries', () => {
  it('makes one series of each device, field and label set', () => {
    const rows = [
      row(1000, 1),
      row(2000, 2),
      row(1000, 3, { field: 'load1' }),
      row(1000, 4, { deviceId: 'two', labels: { core: '0' } }),
      row(2000, 5, { deviceId: 'two', labels: { core: '0' } }),
      row(1000, 6, { deviceId: 'two', labels: { core: '1' } }),
    ];
    const { series, truncated } = assembleSeries(rows, shape);
    expect(truncated).toBe(false);
    expect(series.map(({ device_name, field, labels, v }) => [device_name, field, labels, v])).toEqual([
      ['device one', 'percent', {}, [1, 2]],
      ['device one', 'load1', {}, [3]],
      ['device two', 'percent', { core: '0' }, [4, 5]],
      ['device two', 'percent', { core: '1' }, [6]],
    ]);
  });

  it.each([
    ['mean', 2.5],
    ['min', 1],
    ['max', 4],
    ['sum', 10],
    ['count', 4],
  ] as const)('gives the %s of a bucket, with its bounds', (aggregation, expected) => {
    const rows = [row(0, 10, { n: 4, min: 1, max: 4 })];
    const [only] = assembleSeries(rows, { ...shape, aggregation, bucketSeconds: 60 }).series;
    expect(only).toMatchObject({ t: [0], v: [expected], min: [1], max: [4] });
    expect(only?.unit).toBe(aggregation === 'count' ? null : 'percent');
  });

  it('shows a gap as null where a device was silent for longer than usual', () => {
    const rows = [0, 30, 60, 150, 180, 210, 285].map((seconds) => row(seconds * 1000, 1));
    const [only] = assembleSeries(rows, shape).series;
    expect(only?.t).toEqual([0, 30_000, 60_000, 61_000, 150_000, 180_000, 210_000, 285_000]);
    expect(only?.v).toEqual([1, 1, 1, null, 1, 1, 1, 1]);
    expect(only?.min[3]).toBeNull();
  });

  it('shows one empty bucket as a gap', () => {
    const rows = [0, 60, 180].map((seconds) => row(seconds * 1000, 1));
    const [only] = assembleSeries(rows, { ...shape, bucketSeconds: 60 }).series;
    expect(only?.v).toEqual([1, 1, null, 1]);
    expect(only?.t[2]).toBe(120_000);
  });

  it('takes samples that are rarer than buckets for no gaps', () => {
    const rows = [0, 300, 600, 900].map((seconds) => row(seconds * 1000, 1));
    const [only] = assembleSeries(rows, { ...shape, bucketSeconds: 60 }).series;
    expect(only?.v).toEqual([1, 1, 1, 1]);
    expect(gapThresholdMs([0, 300_000, 600_000], 60)).toBe(750_000);
  });

  it('says that there are more series than it gives', () => {
    const rows = Array.from({ length: 120 }, (_, index) => row(0, 1, { labels: { core: String(index) } }));
    const { series, truncated } = assembleSeries(rows, shape);
    expect([series.length, truncated]).toEqual([100, true]);
  });

  it('says that points were cut where no downsampling was wanted', () => {
    const rows = Array.from({ length: 6000 }, (_, index) => row(index * 1000, index));
    const { series, truncated } = assembleSeries(rows, { ...shape, downsample: 'none' });
    expect([series[0]?.t.length, truncated]).toEqual([5000, true]);
  });
});

describe('combineDevices', () => {
  const rows = [
    row(0, 10, { n: 2, min: 4, max: 6 }),
    row(60_000, 8),
    row(0, 1, { deviceId: 'two' }),
    row(0, 7, { deviceId: 'two', field: 'load1' }),
  ];

  it.each([
    ['mean', 'mean', [3, 8]],
    ['sum', 'mean', [6, 8]],
    ['min', 'mean', [1, 8]],
    ['max', 'mean', [5, 8]],
    ['max', 'count', [2, 1]],
  ] as const)('takes the %s over devices of their %s', (combination, aggregation, expected) => {
    const combined = combineDevices(rows, combination, aggregation);
    const percent = combined.filter(({ field }) => field === 'percent');
    expect(percent.map(({ sum }) => sum)).toEqual(expected);
    expect(percent.map(({ atMs, deviceId }) => [atMs, deviceId])).toEqual([
      [0, ''],
      [60_000, ''],
    ]);
  });

  it('adds up the bounds of a sum', () => {
    expect(combineDevices(rows, 'sum', 'mean')[1]).toMatchObject({ field: 'percent', min: 5, max: 7 });
  });

  it('leaves to the database what needs no device by itself', () => {
    expect(isSumOverSamples('mean', 'mean')).toBe(true);
    expect(isSumOverSamples('sum', 'mean')).toBe(false);
  });
});

describe('fieldFacts', () => {
  const facts = fieldFacts([
    {
      name: 'queue.depth',
      origin: 'declared',
      description: null,
      unit: 'jobs',
      kind: 'gauge',
      allowedLabels: null,
      maxSeries: 100,
      firstSeenAt: null,
    },
  ]);
  it.each([
    ['memory', 'used_bytes', 'bytes', 'gauge'],
    ['cpu_core', '17', 'percent', 'gauge'],
    ['network', 'errors', 'count', 'counter'],
    ['queue.depth', 'anything', 'jobs', 'gauge'],
    ['memory', 'constructor', null, null],
    ['constructor', 'name', null, null],
  ])('knows %s %s', (type, field, unit, kind) => {
    expect(facts(type, field)).toEqual({ unit, kind });
  });
});
