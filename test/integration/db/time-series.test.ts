/** What the variants of time-series storage do differently, with the same result. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '#db';
import { dialectOf } from '../../../db/timeseries/dialect-of.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { withClient } from '../../support/database-server.ts';
import { makeWorld, newDevice } from './world.ts';

const DAY_MS = 86_400_000;
let test: TestDatabase;
let device: Device;
beforeAll(async () => {
  test = await createTestDatabase();
  const { ours } = await makeWorld(test.database);
  device = await test.database.devices.create(ours.id, newDevice());
});
afterAll(() => test.drop());

const store = (timestamp: Date, receivedAt = timestamp): Promise<number> =>
  test.database.telemetry.insertMetrics([
    {
      ...{ deviceId: device.id, orgId: device.orgId, receivedAt },
      record: { timestamp: timestamp.toISOString(), metric_type: 'cpu', value: { percent: 1 } },
    },
  ]);
const stored = async (): Promise<string[]> =>
  (await test.database.telemetry.recentMetrics(device.orgId, device.id, 100)).map(({ timestamp }) =>
    timestamp.toISOString(),
  );
/** The partition or chunk that each row lies in, oldest row first. */
const places = () =>
  withClient(test.url, async (client) => {
    const { rows } = await client.query<{ place: string }>(
      'SELECT tableoid::regclass::text AS place FROM device_metrics ORDER BY "timestamp"',
    );
    return rows.map(({ place }) => place);
  });

describe('maintenance', () => {
  it('drops what is older than its retention, and takes rows of any month', async () => {
    const now = new Date('2031-05-20T12:00:00Z');
    const ages = [0, 1, 89, 200, 400];
    for (const days of ages) await store(new Date(now.getTime() - days * DAY_MS), now);
    expect(await stored()).toHaveLength(5);
    await test.database.maintain(now);
    const kept = await stored();
    // Whole chunks are dropped, so a row may stay a little longer; never shorter.
    for (const days of [0, 1, 89])
      expect(kept).toContain(new Date(now.getTime() - days * DAY_MS).toISOString());
    for (const days of [200, 400])
      expect(kept).not.toContain(new Date(now.getTime() - days * DAY_MS).toISOString());
  });

  it('keeps whole rows in order when months come late, and can be repeated', async () => {
    const future = new Date('2033-01-15T00:00:00Z');
    const before = await stored();
    await store(future);
    await test.database.maintain(new Date('2031-05-20T12:00:00Z'));
    const [late] = (await places()).slice(-1);
    await test.database.maintain(new Date('2031-05-20T12:00:00Z'));
    expect(await stored()).toEqual([future.toISOString(), ...before]);
    if (test.database.timeseries !== 'plain') return;
    // The row waited in the default partition until its month was made.
    expect(late).toBe('device_metrics_default');
    await test.database.maintain(new Date('2033-01-01T00:00:00Z'));
    expect(await places()).toEqual(['device_metrics_2033_01']);
  });

  it('purges old dead letters and cursors', async () => {
    const { telemetry } = test.database;
    const at = new Date('2031-01-01T00:00:00Z');
    const key = { deviceId: device.id, stream: 'metrics', bootId: 'old-boot-id' };
    await telemetry.moveCursors([{ ...key, orgId: device.orgId, seq: 4, at }]);
    const letter = {
      orgSlug: null,
      device: null,
      channel: null,
      topic: 't',
      reason: 'r',
      sample: new Uint8Array(),
    };
    await telemetry.deadLetter([{ ...letter, receivedAt: at }]);
    await test.database.maintain(new Date(at.getTime() + DAY_MS));
    expect((await telemetry.cursors([key])).size).toBe(1);
    await test.database.maintain(new Date(at.getTime() + 200 * DAY_MS));
    expect((await telemetry.cursors([key])).size).toBe(0);
    const { rows } = await withClient(test.url, (client) => client.query('SELECT FROM dead_letters'));
    expect(rows).toHaveLength(0);
  });
});

describe('buckets', () => {
  it.each([
    ['2026-11-23T10:07:31Z', 300, '2026-11-23T10:05:00.000Z'],
    ['2026-11-23T10:07:31Z', 86_400, '2026-11-23T00:00:00.000Z'],
    // A Sunday: its week began on Monday the 16th.
    ['2026-11-22T23:59:59Z', 604_800, '2026-11-16T00:00:00.000Z'],
  ])('cut %s down to %i s as %s', async (time, seconds, expected) => {
    const dialect = dialectOf(test.database.timeseries);
    const { rows } = await withClient(test.url, (client) =>
      client.query<{ bucket: Date }>(`SELECT ${dialect.bucketSql('$1::timestamptz', seconds)} AS bucket`, [
        time,
      ]),
    );
    expect(rows[0]?.bucket.toISOString()).toBe(expected);
  });
});

describe('the tables', () => {
  it('are what the variant says', async () => {
    const { rows } = await withClient(test.url, (client) =>
      client.query<{ kind: string }>(
        `SELECT relkind AS kind FROM pg_class WHERE oid = 'device_metrics'::regclass`,
      ),
    );
    expect(rows[0]?.kind).toBe(test.database.timeseries === 'plain' ? 'p' : 'r');
    if (process.env.TIMESERIES === 'timescale') {
      expect(test.database.timeseries).toBe('timescale-apache');
      expect((await places()).every((place) => place.startsWith('_timescaledb_internal.'))).toBe(true);
    }
  });
});
