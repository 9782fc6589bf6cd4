/** What the variants of time-series storage do differently, with the same result. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_TELEMETRY } from '#contract';
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

const store = (at: Date, receivedAt = at): Promise<number> =>
  test.database.telemetry.insertMetrics([
    {
      ...{ deviceId: device.id, orgId: device.orgId, atMs: +at, receivedAtMs: +receivedAt },
      ...{ metricType: 'cpu', value: { percent: 1 }, labels: null, metadata: null },
    },
  ]);
const stored = async (): Promise<string[]> =>
  (await test.database.series.recent(device.orgId, device.id, 100)).map(({ timestamp }) =>
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

describe('retention', () => {
  it('is the organisation’s own, row by row where others keep more', async () => {
    const now = new Date('2040-05-20T12:00:00Z');
    const { ours, theirs } = await makeWorld(test.database);
    const make = (orgId: string) => test.database.devices.create(orgId, newDevice());
    const [short, long] = [await make(ours.id), await make(theirs.id)];
    const ages = [1, 5, 9, 25, 29, 31, 80];
    for (const { id, orgId } of [short, long]) {
      const rows = ages.map((days) => ({
        ...{ deviceId: id, orgId, atMs: +now - days * DAY_MS, receivedAtMs: +now, metadata: null },
      }));
      await test.database.telemetry.insertMetrics(
        rows.map((row) => ({ ...row, metricType: 'cpu', value: { percent: 1 }, labels: null })),
      );
      await test.database.telemetry.insertLogs(
        rows.map((row) => ({ ...row, level: 'info', service: 's', message: `${row.atMs}` })),
      );
    }
    await test.database.series.refreshRollups(new Date(+now + DAY_MS), 1000);
    await test.database.telemetrySettings.replace(ours.id, 0, {
      settings: { ...DEFAULT_TELEMETRY },
      retentionDays: { metrics: 7, metrics_1m: 7, metrics_1h: 10, metrics_1d: 1830, logs: 3 },
      unknownMetrics: 'declare',
      updatedBy: 'ada@acme.example',
    });
    await test.database.maintain(now);
    const agesIn = async (table: string, column: string, deviceId: string) => {
      const { rows } = await withClient(test.url, (client) =>
        client.query<{ age: number }>(
          `SELECT DISTINCT extract(epoch FROM $2::timestamptz - date_trunc('day', "${column}", 'UTC'))::float8 / 86400 AS age
           FROM ${table} WHERE device_id = $1 ORDER BY 1`,
          [deviceId, now],
        ),
      );
      return rows.map(({ age }) => Math.floor(age));
    };
    expect(await agesIn('device_metrics', 'timestamp', short.id)).toEqual([1, 5]);
    expect(await agesIn('device_metrics_1h', 'bucket', short.id)).toEqual([1, 5, 9]);
    expect(await agesIn('device_metrics_1d', 'bucket', short.id)).toEqual(ages);
    expect(await agesIn('device_logs', 'timestamp', short.id)).toEqual([1]);
    expect(await agesIn('device_metrics', 'timestamp', long.id)).toEqual(ages);
    // What nobody keeps goes with its chunk, so a row may stay a little longer; never shorter.
    expect(await agesIn('device_logs', 'timestamp', long.id)).toEqual(
      test.database.timeseries === 'plain' ? [1, 5, 9, 25, 29] : expect.arrayContaining([1, 5, 9, 25, 29]),
    );
  });

  it('cuts chunks by the measured rate', async () => {
    const now = new Date('2045-03-15T12:00:00Z');
    await test.database.maintain(now);
    await withClient(test.url, async (client) => {
      await client.query(
        `INSERT INTO device_logs (device_id, organization_id, "timestamp", log_level, service_name, message)
         SELECT $1, $2, $3::timestamptz - i * interval '1 hour', 'info', 's', 'm' FROM generate_series(1, 100) AS i`,
        [device.id, device.orgId, now],
      );
      await client.query('SELECT pg_stat_force_next_flush()');
    });
    await test.database.maintain(now);
    if (test.database.timeseries !== 'plain') {
      const { rows } = await withClient(test.url, (client) =>
        client.query(
          `SELECT extract(epoch FROM time_interval)::int / 3600 AS hours FROM timescaledb_information.dimensions
           WHERE hypertable_name = 'device_logs'`,
        ),
      );
      // So few that a month fits into one.
      expect(rows).toEqual([{ hours: 720 }]);
      return;
    }
    const { rows } = await withClient(test.url, (client) =>
      client.query<{ name: string }>(
        `SELECT inhrelid::regclass::text AS name FROM pg_inherits
         WHERE inhparent = 'device_logs'::regclass AND inhrelid::regclass::text ~ '2045_0[4-9]'`,
      ),
    );
    // From the last day that was made ahead to the end of that month, then whole months.
    const [rest, ...months] = rows.map(({ name }) => name).sort();
    expect(rest).toBe('device_logs_2045_03_20_to_2045_04_01');
    expect(months).toEqual(['device_logs_2045_04', 'device_logs_2045_05']);
  });
});
