/** Exactly-once ingest: cursors, batches, and what is not believed. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Device, LogRow, MetricRow } from '#db';
import { isDataError } from '../../../control-plane/ingest/isolate.ts';
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
const row = (at: string, changes: Partial<MetricRow> = {}): MetricRow => ({
  deviceId: device.id,
  orgId: device.orgId,
  atMs: Date.parse(at),
  receivedAtMs: +receivedAt,
  metricType: 'cpu',
  value: { percent: 45.2, model: 'x "quoted" \\ {y} 温度', on: true, none: null },
  labels: null,
  metadata: null,
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
    expect(await recent()).toHaveLength(1);
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
    expect(await recent()).toEqual([]);
  });
});

const recent = (limit = 10) => test.database.series.recent(device.orgId, device.id, limit);

describe('metrics', () => {
  it('come back as they were sent, newest first, to their own organisation', async () => {
    const { telemetry, series } = test.database;
    const times = ['2026-11-23T09:58:00Z', '2026-11-23T09:59:30.250Z', '2026-11-23T09:59:00Z'];
    const labels = { mount: '/var "x"' };
    expect(await telemetry.insertMetrics(times.map((time) => row(time, { labels })))).toBe(3);
    const stored = { metricType: 'cpu', labels, value: row('').value };
    expect(await recent(2)).toEqual([
      { timestamp: new Date(times[1] ?? ''), ...stored },
      { timestamp: new Date(times[2] ?? ''), ...stored },
    ]);
    expect(await series.recent(world.theirs.id, device.id, 10)).toEqual([]);
    expect(await telemetry.insertMetrics([])).toBe(0);
  });

  it('keep every instant to the millisecond, before 1970 and 2000 too', async () => {
    const times = ['1969-12-31T23:59:59.999Z', '1999-12-31T23:59:59.001Z', '2000-01-01T00:00:00.000Z'];
    await test.database.telemetry.insertMetrics(times.map((time) => row(time)));
    expect((await recent()).map(({ timestamp }) => timestamp.toISOString())).toEqual(times.toReversed());
  });

  it.each([
    ['U+0000 in a text', { value: { text: 'a\0b' } }, '22P05'],
    ['a type that is too long', { metricType: 'x'.repeat(51) }, '22001'],
    ['an id that is none', { deviceId: 'abc' }, undefined],
  ])(
    'with %s are refused by an error of the data, and the connection stays usable',
    async (_, changes, code) => {
      const rows = Array.from({ length: 3000 }, () => row('2026-11-23T09:00:00Z'));
      const refused = await test.database
        .transaction(({ telemetry }) =>
          telemetry.insertMetrics([row('2026-11-23T09:00:00Z', changes), ...rows]),
        )
        .catch((error: unknown) => error);
      if (code !== undefined) expect(refused).toMatchObject({ code });
      expect(isDataError(refused)).toBe(true);
      expect(await recent()).toEqual([]);
      // As many as the pool has connections, so that the one that failed is among them.
      const again = Array.from({ length: 8 }, () =>
        test.database.transaction(({ telemetry }) => telemetry.insertMetrics([row('2026-11-23T09:01:00Z')])),
      );
      expect(await Promise.all(again)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    },
  );

  it('are more than one message of COPY holds', async () => {
    const text = 'y'.repeat(200);
    const batch = Array.from({ length: 12_000 }, (_, index) =>
      row(new Date(+receivedAt - index * 1000).toISOString(), { value: { index, text } }),
    );
    expect(await test.database.telemetry.insertMetrics(batch)).toBe(12_000);
    expect((await recent(1))[0]?.value).toEqual({ index: 0, text });
  });
});

describe('log lines', () => {
  const line = (changes: Partial<LogRow> = {}): LogRow => ({
    deviceId: device.id,
    orgId: device.orgId,
    atMs: +receivedAt,
    receivedAtMs: +receivedAt,
    level: 'info',
    service: 'sshd',
    message: 'Accepted publickey',
    metadata: null,
    ...changes,
  });

  it.each([
    ['U+0000', { message: 'a\0b' }, '22021'],
    ['an unknown level', { level: 'fatal' as LogRow['level'] }, '23514'],
    ['a service that is too long', { service: 's'.repeat(101) }, '22001'],
  ])('with %s are refused by an error of the data', async (_, changes, code) => {
    const refused = await test.database.telemetry
      .insertLogs([line(), line(changes)])
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code });
    expect(isDataError(refused)).toBe(true);
  });

  it('may hold a word that no index takes', async () => {
    expect(await test.database.telemetry.insertLogs([line({ message: 'x'.repeat(16_384) })])).toBe(1);
  });
});

describe('minutes', () => {
  it('add up, over organisations too, and keep the highest delay', async () => {
    const at = new Date('2026-11-23T10:00:00Z');
    const minute = {
      ...{ at, messages: 2, points: 20, logLines: 3, deadLetters: 1, duplicates: 0 },
      ...{ lagMsMax: 40.6, commitMsMax: null },
    };
    const { telemetry } = test.database;
    await telemetry.addMinutes([
      { ...minute, orgId: world.ours.id },
      { ...minute, orgId: world.ours.id },
      { ...minute, orgId: world.theirs.id, lagMsMax: 90 },
      { ...minute, orgId: randomUUID() },
    ]);
    await telemetry.addMinutes([{ ...minute, orgId: world.ours.id, lagMsMax: 10, commitMsMax: 7 }]);
    const to = new Date(+at + 60_000);
    const ours = {
      ...minute,
      messages: 6,
      points: 60,
      logLines: 9,
      deadLetters: 3,
      lagMsMax: 41,
      commitMsMax: 7,
    };
    expect(await telemetry.minutes([world.ours.id], at, to)).toEqual([ours]);
    const both = { ...ours, messages: 8, points: 80, logLines: 12, deadLetters: 4, lagMsMax: 90 };
    expect(await telemetry.minutes([world.ours.id, world.theirs.id], at, to)).toEqual([both]);
    expect(await telemetry.minutes(null, to, new Date(+to + 60_000))).toEqual([]);
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

  it('are listed newest first, by organisation, device and reason, with the name of a device that is theirs', async () => {
    const { telemetry } = test.database;
    const letter = { channel: 'logs', topic: 't', receivedAt, sample: Uint8Array.of(1) };
    await telemetry.deadLetter([
      { ...letter, orgSlug: world.ours.slug, device: device.id, reason: 'Unknown metric x' },
      { ...letter, orgSlug: world.theirs.slug, device: device.id, reason: 'unknown metric y' },
      { ...letter, orgSlug: world.ours.slug, device: 'no device', reason: 'no JSON' },
    ]);
    const list = (filter: { device?: string; reason?: string }, limit = 10) =>
      telemetry.listDeadLetters([world.ours.slug, world.theirs.slug], filter, { limit });
    expect((await list({})).items.map(({ reason, deviceName }) => [reason, deviceName])).toEqual([
      ['no JSON', null],
      ['unknown metric y', null],
      ['Unknown metric x', device.name],
    ]);
    expect(await list({ reason: 'METRIC' })).toMatchObject({ total: 2 });
    expect(await list({ device: 'no device' })).toMatchObject({ total: 1 });
    const { items, nextCursor } = await list({}, 2);
    expect(items).toHaveLength(2);
    const rest = await telemetry.listDeadLetters(
      [world.theirs.slug, world.ours.slug],
      {},
      { limit: 2, cursor: nextCursor ?? '' },
    );
    expect(rest.items.map(({ reason }) => reason)).toEqual(['Unknown metric x']);
    expect(await telemetry.listDeadLetters([world.theirs.slug], {}, { limit: 9 })).toMatchObject({
      total: 1,
    });
  });
});
