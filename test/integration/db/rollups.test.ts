/** Buckets are what a sum over the raw rows gives, whatever came late and whatever was summed up already. */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Bucket, Device, MetricRow, StoredResolution } from '#db';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { withClient } from '../../support/database-server.ts';
import { makeWorld, newDevice, type World } from './world.ts';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Close to now: older minutes are not kept. */
const START = Math.floor(Date.now() / DAY) * DAY - 4 * DAY;
const DAYS = 3;
const UNIT_MS: Readonly<Record<StoredResolution, number>> = { raw: 1, '1m': MINUTE, '1h': HOUR, '1d': DAY };

let test: TestDatabase;
let world: World;
let devices: Device[];
beforeAll(async () => {
  test = await createTestDatabase();
  world = await makeWorld(test.database);
});
afterAll(() => test.drop());
beforeEach(async () => {
  const make = () => test.database.devices.create(world.ours.id, newDevice());
  devices = [await make(), await make()];
});

/** Halves are exact in binary, so that sums do not depend on their order. */
const half = fc.integer({ min: -2000, max: 2000 }).map((value) => value / 2);
const aggregate = fc.record({ count: fc.integer({ min: 1, max: 60 }), min: half, max: half });
const sample = fc.record({
  device: fc.integer({ min: 0, max: 1 }),
  /** Few distinct hours, so that late rows meet settled ones. */
  hour: fc.integer({ min: 0, max: DAYS * 24 - 1 }),
  second: fc.integer({ min: 0, max: 3599 }),
  mount: fc.constantFrom(null, '/', '/var'),
  used: half,
  note: fc.boolean(),
  aggregate: fc.option(aggregate, { freq: 3 }),
});
type Sample = typeof sample extends fc.Arbitrary<infer S> ? S : never;
const step = fc.oneof(
  { weight: 3, arbitrary: fc.array(sample, { minLength: 1, maxLength: 12 }).map((samples) => ({ samples })) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 5 }).map((refresh) => ({ refresh })) },
);
const scenario = fc.record({
  steps: fc.array(step, { minLength: 2, maxLength: 8 }),
  resolution: fc.constantFrom<StoredResolution>('raw', '1m', '1h', '1d'),
  widths: fc.constantFrom(1, 2, 7),
  from: fc.integer({ min: -5, max: DAYS * 24 * 60 }),
  minutes: fc.integer({ min: 1, max: DAYS * 24 * 60 }),
  mount: fc.constantFrom(null, '/', '/var'),
  field: fc.constantFrom(null, 'used', 'absent'),
});

const toRow = ({ device, hour, second, mount, used, note, aggregate: sums }: Sample): MetricRow => ({
  deviceId: devices[device]?.id ?? '',
  orgId: world.ours.id,
  atMs: START + hour * HOUR + second * 1000,
  receivedAtMs: START + DAYS * DAY,
  metricType: 'disk',
  value: { used, twice: used * 2, ...(note ? { note: 'text', on: true } : {}) },
  labels: mount === null ? null : { mount, kind: 'ext4' },
  metadata:
    sums === null
      ? null
      : { aggregate: { seconds: 60, count: sums.count, min: { used: sums.min }, max: { used: sums.max } } },
});

interface Asked {
  readonly fromMs: number;
  readonly toMs: number;
  readonly widthMs: number;
  readonly mount: string | null;
  readonly field: string | null;
  readonly combined: boolean;
}

/** The same by hand. Weeks begin on Monday; a bucket begins at a whole multiple of its width since 3 January 2000. */
function expected(
  rows: readonly MetricRow[],
  { fromMs, toMs, widthMs, mount, field, combined }: Asked,
): Bucket[] {
  const origin = Date.UTC(2000, 0, 3);
  const buckets = new Map<string, Bucket>();
  for (const { deviceId, atMs, value, labels, metadata } of rows) {
    if (atMs < fromMs || atMs >= toMs || (mount !== null && labels?.mount !== mount)) continue;
    const sums = metadata?.aggregate as { count: number; min: object; max: object } | undefined;
    for (const [name, mean] of Object.entries(value)) {
      if (typeof mean !== 'number' || (field !== null && name !== field)) continue;
      const n = sums?.count ?? 1;
      const bound = (of: object | undefined) => (of as Record<string, number> | undefined)?.[name] ?? mean;
      const bucket = {
        deviceId: combined ? '' : deviceId,
        field: name,
        labels: labels ?? {},
        atMs: origin + Math.floor((atMs - origin) / widthMs) * widthMs,
      };
      const key = JSON.stringify(Object.values(bucket));
      const known = buckets.get(key);
      buckets.set(key, {
        ...bucket,
        n: (known?.n ?? 0) + n,
        sum: (known?.sum ?? 0) + mean * n,
        min: Math.min(known?.min ?? Number.POSITIVE_INFINITY, bound(sums?.min)),
        max: Math.max(known?.max ?? Number.NEGATIVE_INFINITY, bound(sums?.max)),
      });
    }
  }
  return [...buckets.values()];
}

/** Without order and without the sign of zero. */
const sorted = (buckets: readonly Bucket[]): string[] =>
  buckets
    .map(({ deviceId, field, labels, atMs, n, sum, min, max }) =>
      JSON.stringify([deviceId, field, Object.entries(labels).sort(), atMs, n, sum + 0, min + 0, max + 0]),
    )
    .sort();

describe('buckets', () => {
  it('are what a sum over the raw rows gives', async () => {
    const { telemetry, series } = test.database;
    await fc.assert(
      fc.asyncProperty(scenario, async ({ steps, resolution, widths, from, minutes, mount, field }) => {
        await withClient(test.url, (client) =>
          client.query(
            'TRUNCATE device_metrics, device_metrics_1m, device_metrics_1h, device_metrics_1d, metric_hours_dirty',
          ),
        );
        const rows: MetricRow[] = [];
        for (const step of steps) {
          if ('refresh' in step) {
            await series.refreshRollups(new Date(START + (DAYS + 1) * DAY), step.refresh);
            continue;
          }
          const batch = step.samples.map(toRow);
          await telemetry.insertMetrics(batch);
          rows.push(...batch);
        }
        const unit = resolution === 'raw' ? MINUTE : UNIT_MS[resolution];
        const fromMs = START + from * MINUTE;
        const toMs = fromMs + minutes * MINUTE;
        const query = {
          deviceIds: devices.map(({ id }) => id),
          metricType: 'disk',
          field,
          labels: mount === null ? null : { mount },
          ...{ from: new Date(fromMs), to: new Date(toMs) },
        };
        const shape = { resolution, bucketSeconds: (unit * widths) / 1000, limit: 10_000 };
        const whole = UNIT_MS[resolution];
        const asked = {
          ...{ fromMs: Math.floor(fromMs / whole) * whole, toMs: Math.ceil(toMs / whole) * whole },
          ...{ widthMs: unit * widths, mount, field },
        };
        expect(sorted(await series.buckets(world.ours.id, query, shape))).toEqual(
          sorted(expected(rows, { ...asked, combined: false })),
        );
        expect(sorted(await series.combined(world.ours.id, query, shape))).toEqual(
          sorted(expected(rows, { ...asked, combined: true })),
        );
        expect(await series.buckets(world.theirs.id, query, shape)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  }, 180_000);

  it('are ordered, and one more than asked for tells that there are more', async () => {
    const { telemetry, series } = test.database;
    const row = toRow({ device: 0, hour: 0, second: 0, mount: null, used: 1, note: false, aggregate: null });
    await telemetry.insertMetrics([3, 1, 2, 0].map((hour) => ({ ...row, atMs: START + hour * HOUR })));
    const query = {
      ...{ deviceIds: [row.deviceId], metricType: 'disk', field: 'used', labels: null },
      ...{ from: new Date(START), to: new Date(START + DAY) },
    };
    const shape = { resolution: '1h', bucketSeconds: 3600 } as const;
    const hoursOf = (buckets: readonly Bucket[]) => buckets.map(({ atMs }) => (atMs - START) / HOUR);
    expect(hoursOf(await series.buckets(world.ours.id, query, { ...shape, limit: 10 }))).toEqual([
      0, 1, 2, 3,
    ]);
    expect(hoursOf(await series.buckets(world.ours.id, query, { ...shape, limit: 2 }))).toEqual([0, 1, 2]);
    const samples = await series.buckets(world.ours.id, query, {
      ...{ resolution: 'raw', bucketSeconds: null, limit: 10 },
    });
    expect(hoursOf(samples)).toEqual([0, 1, 2, 3]);
    expect(samples[0]).toEqual({
      ...{ deviceId: row.deviceId, field: 'used', labels: {}, atMs: START, n: 1, sum: 1, min: 1, max: 1 },
    });
  });
});

describe('refreshRollups', () => {
  const at = START + 5 * HOUR + 10 * MINUTE;
  const insert = (changes: Partial<MetricRow> = {}) =>
    test.database.telemetry.insertMetrics([
      {
        ...toRow({ device: 0, hour: 0, second: 0, mount: null, used: 1, note: false, aggregate: null }),
        ...{ atMs: at, receivedAtMs: at, ...changes },
      },
    ]);
  const refresh = (ms: number, limit = 100) => test.database.series.refreshRollups(new Date(ms), limit);
  const lag = (ms: number) => test.database.series.rollupLagSeconds(new Date(ms));
  beforeEach(() => withClient(test.url, (client) => client.query('TRUNCATE metric_hours_dirty')));

  it('takes an hour five minutes after its end, and a late row a minute after it came', async () => {
    await insert();
    expect(await refresh(START + 6 * HOUR + 4 * MINUTE)).toBe(0);
    expect(await refresh(START + 6 * HOUR + 5 * MINUTE)).toBe(1);
    expect(await refresh(START + 9 * HOUR)).toBe(0);
    await insert({ receivedAtMs: START + 9 * HOUR });
    expect(await refresh(START + 9 * HOUR + 59_000)).toBe(0);
    expect(await lag(START + 9 * HOUR + 59_000)).toBe(0);
    expect(await lag(START + 9 * HOUR + 90_000)).toBe(30);
    expect(await refresh(START + 9 * HOUR + MINUTE)).toBe(1);
    expect(await lag(START + 10 * HOUR)).toBe(0);
  });

  it('keeps to its limit, oldest hours first', async () => {
    for (const hour of [3, 1, 2]) await insert({ atMs: START + hour * HOUR });
    expect(await refresh(START + DAY, 2)).toBe(2);
    const { rows } = await withClient(test.url, (client) =>
      client.query('SELECT hour FROM metric_hours_dirty'),
    );
    expect(rows).toEqual([{ hour: new Date(START + 3 * HOUR) }]);
  });

  it('leaves an hour alone that a batch is being written to, and takes it with its rows afterwards', async () => {
    await insert();
    let writing: Promise<number> | undefined;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const written = new Promise<void>((resolve, reject) => {
      writing = test.database.transaction(async ({ telemetry }) => {
        const row = toRow({
          device: 0,
          hour: 5,
          second: 1,
          mount: null,
          used: 7,
          note: false,
          aggregate: null,
        });
        const stored = await telemetry.insertMetrics([row]);
        resolve();
        await held;
        return stored;
      });
      writing.catch(reject);
    });
    await written;
    expect(await refresh(START + 4 * DAY)).toBe(0);
    release();
    await writing;
    expect(await refresh(START + 4 * DAY)).toBe(1);
    const { rows } = await withClient(test.url, (client) =>
      client.query('SELECT fields FROM device_metrics_1h WHERE device_id = $1', [devices[0]?.id]),
    );
    expect(rows).toEqual([{ fields: { used: [2, 8, 1, 7], twice: [2, 16, 2, 14] } }]);
  });

  it('by two processes at once makes each row once', async () => {
    for (let hour = 0; hour < 24; hour += 1) await insert({ atMs: START + hour * HOUR });
    const settled = await Promise.all([1, 2, 3].map(() => refresh(START + 4 * DAY)));
    expect(settled.reduce((sum, pairs) => sum + pairs, 0)).toBe(24);
    const { rows } = await withClient(test.url, (client) =>
      client.query('SELECT fields FROM device_metrics_1d WHERE device_id = $1', [devices[0]?.id]),
    );
    expect(rows).toEqual([{ fields: { used: [24, 24, 1, 1], twice: [24, 48, 2, 2] } }]);
  });

  it('bears the largest numbers there are', async () => {
    const value = { used: Number.MAX_VALUE, tiny: Number.MIN_VALUE, low: -Number.MAX_VALUE };
    const metadata = { aggregate: { seconds: 1, count: Number.MAX_SAFE_INTEGER, min: {}, max: { used: 1 } } };
    await insert({ value, metadata });
    await insert({ value, metadata });
    expect(await refresh(START + 4 * DAY)).toBe(1);
  });

  it('does not make less of an hour whose raw rows are gone', async () => {
    await insert();
    await refresh(START + DAY);
    await withClient(test.url, (client) => client.query('TRUNCATE device_metrics'));
    await insert({ value: { used: 99 } });
    const { rows } = await withClient(test.url, (client) =>
      client.query('SELECT fields FROM device_metrics_1h WHERE device_id = $1', [devices[0]?.id]),
    );
    expect(await refresh(START + 120 * DAY)).toBe(1);
    const after = await withClient(test.url, (client) =>
      client.query('SELECT fields FROM device_metrics_1h WHERE device_id = $1', [devices[0]?.id]),
    );
    expect(after.rows).toEqual(rows);
    expect(rows).toEqual([{ fields: { used: [1, 1, 1, 1], twice: [1, 2, 2, 2] } }]);
  });
});

describe('the catalogue', () => {
  it('holds the series of summed-up and of running hours with their numeric fields', async () => {
    const { telemetry, series } = test.database;
    const row = toRow({ device: 0, hour: 2, second: 0, mount: '/', used: 1, note: true, aggregate: null });
    await telemetry.insertMetrics([row]);
    await series.refreshRollups(new Date(START + DAY), 100);
    const later = { ...row, atMs: START + 2 * DAY, labels: null, metricType: 'cpu', value: { percent: 3 } };
    await telemetry.insertMetrics([later]);
    const since = (ms: number) => series.catalogue(world.ours.id, row.deviceId, new Date(ms));
    const cpu = { metricType: 'cpu', labels: {}, fields: ['percent'], lastAt: new Date(START + 2 * DAY) };
    const disk = { metricType: 'disk', labels: row.labels, fields: ['twice', 'used'] };
    expect(await since(START)).toEqual([cpu, { ...disk, lastAt: new Date(START + 2 * HOUR) }]);
    expect(await since(START + DAY)).toEqual([cpu]);
    expect(await series.catalogue(world.theirs.id, row.deviceId, new Date(START))).toEqual([]);
  });
});

describe('pages of raw rows', () => {
  it('give every row once, in order of device and time, many of one instant too', async () => {
    const { telemetry, series } = test.database;
    const rows = Array.from({ length: 60 }, (_, index) => ({
      ...toRow({
        ...{ device: index % 2, hour: index % 5, second: 0, mount: null },
        ...{ used: index, note: false, aggregate: null },
      }),
    }));
    await telemetry.insertMetrics(rows);
    const query = {
      deviceIds: devices.map(({ id }) => id),
      metricType: null,
      ...{ from: new Date(START), to: new Date(START + 4 * HOUR) },
    };
    const seen: { deviceId: string; atMs: number; used: unknown }[] = [];
    let after: { deviceId: string; atMs: number; skip: number } | null = null;
    for (;;) {
      const page = await series.rawPage(world.ours.id, query, after, 7);
      for (const { deviceId, at, value } of page) seen.push({ deviceId, atMs: +at, used: value.used });
      if (page.length < 7) break;
      const last = seen.at(-1);
      if (last === undefined) break;
      const same = seen.filter(({ deviceId, atMs }) => deviceId === last.deviceId && atMs === last.atMs);
      after = { deviceId: last.deviceId, atMs: last.atMs, skip: same.length };
    }
    expect(seen).toHaveLength(48);
    expect(new Set(seen.map(({ used }) => used)).size).toBe(48);
    const order = seen.map(({ deviceId, atMs }) => `${deviceId} ${atMs}`);
    expect(order).toEqual(order.toSorted());
  });
});
