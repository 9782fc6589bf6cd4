/** Exactly-once ingest: cursors, batches, and what is not believed. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Device } from '#db';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { withClient } from '../../support/database-server.ts';
import { makeWorld, newDevice, type World } from './world.ts';

let test: TestDatabase;
let world: World;
let device: Device;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());
beforeEach(async () => {
  world = await makeWorld(test.database);
  device = await test.database.devices.create(world.ours.id, newDevice());
});

const receivedAt = new Date('2026-11-23T10:00:00Z');
const row = (timestamp: string, changes: Partial<{ deviceId: string; orgId: string }> = {}) => ({
  deviceId: device.id,
  orgId: device.orgId,
  receivedAt,
  record: {
    timestamp,
    metric_type: 'cpu',
    value: { percent: 45.2, model: 'x "quoted" \\ {y}', on: true, none: null },
  },
  ...changes,
});
const cursorKey = (bootId: string) => ({ deviceId: device.id, stream: 'metrics', bootId });

describe('cursors', () => {
  it('are absent at first, move forward only, and are known by device, stream and boot', async () => {
    const { telemetry } = test.database;
    const key = cursorKey(randomUUID());
    expect((await telemetry.cursors([key])).size).toBe(0);
    const move = { ...key, orgId: device.orgId, at: receivedAt };
    await telemetry.moveCursors([
      { ...move, seq: 2 },
      { ...move, seq: 5 },
    ]);
    await telemetry.moveCursors([{ ...move, seq: 3 }]);
    const cursors = await telemetry.cursors([key, cursorKey('another-boot')]);
    expect([...cursors]).toEqual([[`${device.id} metrics ${key.bootId}`, 5]]);
  });

  it('do not move for a foreign or deleted device, and fail nobody else’s batch', async () => {
    const { telemetry } = test.database;
    const key = cursorKey(randomUUID());
    await telemetry.moveCursors([
      { ...key, orgId: world.theirs.id, seq: 9, at: receivedAt },
      { ...key, deviceId: randomUUID(), orgId: device.orgId, seq: 9, at: receivedAt },
    ]);
    expect((await telemetry.cursors([key])).size).toBe(0);
  });

  it('let the same first batch in once, however many bring it at a time', async () => {
    const { database } = test;
    const key = cursorKey(randomUUID());
    const deliver = () =>
      database.transaction(async ({ telemetry }) => {
        const cursors = await telemetry.cursors([key]);
        const seq = cursors.get(`${device.id} metrics ${key.bootId}`) ?? 0;
        if (seq >= 1) return 0;
        const stored = await telemetry.insertMetrics([row('2026-11-23T09:59:00Z')]);
        await telemetry.moveCursors([{ ...key, orgId: device.orgId, seq: 1, at: receivedAt }]);
        return stored;
      });
    const stored = await Promise.all(Array.from({ length: 8 }, deliver));
    expect(stored.toSorted()).toEqual([0, 0, 0, 0, 0, 0, 0, 1]);
    expect(await database.telemetry.recentMetrics(device.orgId, device.id, 10)).toHaveLength(1);
  });

  it('roll back together with their rows', async () => {
    const { database } = test;
    const key = cursorKey(randomUUID());
    const failing = database.transaction(async ({ telemetry }) => {
      await telemetry.insertMetrics([row('2026-11-23T09:59:00Z')]);
      await telemetry.moveCursors([{ ...key, orgId: device.orgId, seq: 1, at: receivedAt }]);
      throw new Error('power cut');
    });
    await expect(failing).rejects.toThrow('power cut');
    expect((await database.telemetry.cursors([key])).size).toBe(0);
    expect(await database.telemetry.recentMetrics(device.orgId, device.id, 10)).toEqual([]);
  });
});

describe('metrics', () => {
  it('come back as they were sent, newest first, to their own organisation', async () => {
    const { telemetry } = test.database;
    const times = ['2026-11-23T09:58:00Z', '2026-11-23T09:59:30.250Z', '2026-11-23T09:59:00+00:00'];
    expect(await telemetry.insertMetrics(times.map((time) => row(time)))).toBe(3);
    const recent = await telemetry.recentMetrics(device.orgId, device.id, 2);
    expect(recent).toEqual([
      { timestamp: new Date(times[1] ?? ''), metricType: 'cpu', value: row('').record.value },
      { timestamp: new Date(times[2] ?? ''), metricType: 'cpu', value: row('').record.value },
    ]);
    expect(await telemetry.recentMetrics(world.theirs.id, device.id, 10)).toEqual([]);
  });

  it('of a foreign or deleted device are left out of the batch', async () => {
    const stored = await test.database.telemetry.insertMetrics([
      row('2026-11-23T09:59:00Z', { orgId: world.theirs.id }),
      row('2026-11-23T09:59:00Z', { deviceId: randomUUID() }),
      row('2026-11-23T09:59:00Z'),
    ]);
    expect(stored).toBe(1);
    expect(await test.database.telemetry.insertMetrics([])).toBe(0);
  });

  it.each([
    ['1969-01-01T00:00:00Z', '2026-11-23T10:00:00.000Z'],
    ['2031-01-01T00:00:00Z', '2026-11-23T10:00:00.000Z'],
    ['2025-03-01T00:00:00Z', '2025-03-01T00:00:00.000Z'],
    ['2026-11-23T20:00:00Z', '2026-11-23T20:00:00.000Z'],
  ])('of a clock that says %s are kept at %s', async (said, kept) => {
    await test.database.telemetry.insertMetrics([row(said)]);
    const { rows } = await withClient(test.url, (client) =>
      client.query<{ timestamp: Date; received_at: Date; metadata: unknown }>(
        'SELECT "timestamp", received_at, metadata FROM device_metrics WHERE device_id = $1',
        [device.id],
      ),
    );
    const skewed = new Date(said).toISOString() !== kept;
    expect(rows).toEqual([
      {
        timestamp: new Date(kept),
        received_at: receivedAt,
        metadata: skewed
          ? {
              clock_skew: true,
              clock_skew_ms: Date.parse(said) - receivedAt.getTime(),
              device_timestamp: said,
            }
          : null,
      },
    ]);
  });

  it('store thousands of rows in one statement', async () => {
    const batch = Array.from({ length: 5000 }, (_, index) =>
      row(new Date(receivedAt.getTime() - index * 1000).toISOString()),
    );
    expect(await test.database.telemetry.insertMetrics(batch)).toBe(5000);
  });
});

describe('dead letters', () => {
  it('take any bytes and names, cut to size', async () => {
    const letter = {
      orgSlug: world.ours.slug,
      device: null,
      channel: 'metrics',
      receivedAt,
      reason: 'no JSON',
    };
    await test.database.telemetry.deadLetter([
      { ...letter, topic: `t\0${'x'.repeat(1000)}`, sample: Buffer.alloc(9000, 0xff) },
      { ...letter, topic: 'short', sample: Uint8Array.of(0, 1, 2) },
    ]);
    const { rows } = await withClient(test.url, (client) =>
      client.query<{ topic: string; sample: Buffer }>(
        'SELECT topic, sample FROM dead_letters ORDER BY id DESC LIMIT 2',
      ),
    );
    expect(rows[0]).toEqual({ topic: 'short', sample: Buffer.from([0, 1, 2]) });
    expect(rows[1]?.sample).toHaveLength(2048);
    expect(rows[1]?.topic).toHaveLength(300);
  });
});
