/** Settings as versions of one row, and metric types up to their limit. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_TELEMETRY } from '#contract';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { makeWorld, newDevice, type World } from './world.ts';

let test: TestDatabase;
let world: World;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());
beforeEach(async () => {
  world = await makeWorld(test.database);
});

const decided = (days: number) => ({
  settings: { ...DEFAULT_TELEMETRY, logs: { min_level: 'error' as const } },
  retentionDays: { metrics: days, metrics_1m: 30, metrics_1h: 400, metrics_1d: 1830, logs: 30 },
  unknownMetrics: 'reject' as const,
  updatedBy: 'ada@acme.example',
});

describe('telemetry settings', () => {
  it('do not exist until somebody decides', async () => {
    expect(await test.database.telemetrySettings.get(world.ours.id)).toBeNull();
    expect((await test.database.telemetrySettings.all()).has(world.ours.id)).toBe(false);
  });

  it('are replaced version by version, by whoever saw the last one', async () => {
    const { telemetrySettings } = test.database;
    const first = await telemetrySettings.replace(world.ours.id, 0, decided(7));
    expect(first).toEqual({
      ...decided(7),
      settings: { ...decided(7).settings, version: 1 },
      updatedAt: expect.any(Date),
    });
    expect(await telemetrySettings.replace(world.ours.id, 0, decided(8))).toBeNull();
    expect(await telemetrySettings.replace(world.ours.id, 2, decided(8))).toBeNull();
    expect(await telemetrySettings.get(world.ours.id)).toEqual(first);
    const second = await telemetrySettings.replace(world.ours.id, 1, decided(9));
    expect(second).toMatchObject({ settings: { version: 2 }, retentionDays: { metrics: 9 } });
    expect((await telemetrySettings.all()).get(world.ours.id)).toEqual(second);
  });

  it('are saved by one of two at once', async () => {
    const { telemetrySettings } = test.database;
    const both = await Promise.all(
      [7, 8].map((days) => telemetrySettings.replace(world.ours.id, 0, decided(days))),
    );
    expect(both.filter((saved) => saved !== null)).toHaveLength(1);
  });
});

describe('metric types', () => {
  const at = new Date('2026-11-23T10:00:00Z');
  const declared = {
    ...{ name: 'temperature', description: 'Inlet', unit: 'celsius', kind: 'gauge' as const },
    ...{ allowedLabels: ['sensor'], maxSeries: 5 },
  };

  it('are declared, changed, listed by name for their own organisation, and forgotten', async () => {
    const { metricTypes } = test.database;
    const made = { ...declared, origin: 'declared', firstSeenAt: null };
    expect(await metricTypes.put(world.ours.id, declared)).toEqual(made);
    expect(await metricTypes.put(world.ours.id, { ...declared, maxSeries: 6, allowedLabels: null })).toEqual({
      ...made,
      ...{ maxSeries: 6, allowedLabels: null },
    });
    expect(await metricTypes.list(world.ours.id)).toHaveLength(1);
    expect(await metricTypes.list(world.theirs.id)).toEqual([]);
    expect(await metricTypes.delete(world.theirs.id, 'temperature')).toBe(false);
    expect(await metricTypes.delete(world.ours.id, 'temperature')).toBe(true);
    expect((await metricTypes.all()).has(world.ours.id)).toBe(false);
  });

  it('are taken up when a device sends them, and stay declared where they were', async () => {
    const { metricTypes } = test.database;
    await metricTypes.put(world.ours.id, declared);
    expect(await metricTypes.noteSeen(world.ours.id, ['b', 'temperature', 'a', 'b'], at)).toEqual([
      ...['a', 'b', 'temperature'],
    ]);
    const later = new Date(+at + 1000);
    await metricTypes.noteSeen(world.ours.id, ['a', 'temperature'], later);
    const types = await metricTypes.list(world.ours.id);
    expect(types.map(({ name, origin, firstSeenAt }) => [name, origin, firstSeenAt])).toEqual([
      ['a', 'seen', at],
      ['b', 'seen', at],
      ['temperature', 'declared', at],
    ]);
    expect(await metricTypes.put(world.ours.id, { ...declared, name: 'a' })).toMatchObject({
      ...{ origin: 'declared', firstSeenAt: at },
    });
  });

  it('are 500 at most, whoever brings them and however many at once', async () => {
    const { metricTypes } = test.database;
    const names = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => `m${from + index}`);
    const brought = await Promise.all(
      [0, 300].map((from) => metricTypes.noteSeen(world.ours.id, names(from, 300), at)),
    );
    expect(brought.map((known) => known.length).toSorted((a, b) => a - b)).toEqual([200, 300]);
    await expect(metricTypes.put(world.ours.id, declared)).rejects.toMatchObject({ code: 'conflict' });
    expect(await metricTypes.noteSeen(world.ours.id, ['one-more'], at)).toEqual([]);
    // One that exists can still be changed.
    const [existing] = await metricTypes.list(world.ours.id);
    expect(await metricTypes.put(world.ours.id, { ...declared, name: existing?.name ?? '' })).toMatchObject({
      origin: 'declared',
    });
  });
});

describe('a choice of devices', () => {
  it('is by id, type or tag, of one organisation, by name', async () => {
    const { devices } = test.database;
    const make = (orgId: string, name: string, changes: object) =>
      devices.create(orgId, newDevice({ name, ...changes }));
    const b = await make(world.ours.id, 'b', { tags: ['site:1'] });
    const a = await make(world.ours.id, 'a', { type: 'custom', tags: ['site:1', 'x'] });
    const theirs = await make(world.theirs.id, 'a', { tags: ['site:1'] });
    const choose = async (choice: Parameters<typeof devices.choose>[1], limit = 10) =>
      (await devices.choose(world.ours.id, choice, limit)).map(({ name }) => name);
    expect(await choose({ tag: 'site:1' })).toEqual(['a', 'b']);
    expect(await choose({ tag: 'site:1' }, 1)).toEqual(['a']);
    expect(await choose({ type: 'gateway' })).toEqual(['b']);
    expect(await choose({ ids: [b.id, theirs.id] })).toEqual(['b']);
    expect(await choose({ ids: [a.id, b.id], tag: 'x' })).toEqual(['a']);
    expect(await choose({ ids: [] })).toEqual([]);
  });
});
