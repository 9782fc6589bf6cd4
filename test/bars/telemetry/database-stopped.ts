/**
 * Bar A2: PostgreSQL is stopped under 500 devices that measure, log and beat. Nothing acknowledged is lost, nobody is
 * called offline, no will is heard, the broker's memory stays, and the backlog is gone soon after, in order.
 * `node test/bars/telemetry/database-stopped.ts [--devices 500] [--seconds 60] [--long]`; --long: 10 minutes.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { migrate, startPostgres } from '#db';
import { runBar } from '../../support/bar.ts';
import { openDatabaseDoor } from '../../support/database-door.ts';
import { countFleet } from '../../support/fleet-count.ts';
import { startInstallation } from '../../support/installation.ts';
import { consoleLog } from '../../support/process-report.ts';
import { rssMbOf } from '../../support/process-tree.ts';
import { seedFleet } from '../../support/seeded-fleet.ts';
import { allAcked, startTelemetryFleet, untilFleet } from '../../support/telemetry-fleet.ts';

const RECORDS_PER_BATCH = 5;
const MAX_RSS_GROWTH_MB = 100;
const MAX_CLEAR_MS = 300_000;
/** One batch of each stream in ten seconds, from each device. */
const BATCHES_PER_DEVICE_SECOND = 0.2;

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '500' },
    seconds: { type: 'string' },
    long: { type: 'boolean', default: false },
  },
});
const deviceCount = Number(values.devices);
const stoppedMs = Number(values.seconds ?? (values.long ? 600 : 60)) * 1000;
const quiet = { ...consoleLog, warn: () => undefined, error: () => undefined };

await runBar(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'database-stopped-'));
  const dataDir = join(dir, 'database');
  mkdirSync(dataDir);
  const start = () => startPostgres({ dataDir, postgresBin: process.env.POSTGRES_BIN ?? null, log: quiet });
  let postgres = await start();
  await migrate(postgres.url, { timeseries: 'plain' });
  const door = await openDatabaseDoor(postgres.url);
  const installation = await startInstallation({ dir, databaseUrl: door.url });
  try {
    const { database, authority, mqttPort } = installation;
    const { devices } = await seedFleet({ database, authority, slug: 'stopped', count: deviceCount });
    const fleet = await startTelemetryFleet({
      port: mqttPort,
      trustPem: authority.trustPem,
      devices,
      messagesPerSecond: deviceCount * BATCHES_PER_DEVICE_SECOND,
      recordsPerBatch: RECORDS_PER_BATCH,
      window: 4,
      heartbeatSeconds: 30,
    });
    try {
      await untilFleet(fleet, 'the first acks', 60_000, ({ streams }) =>
        streams.every(({ acked }) => acked > 0),
      );
      const brokerPid = installation.pid('broker') ?? 0;
      const rssBefore = rssMbOf(brokerPid);
      let rssHighest = rssBefore;
      const sampler = setInterval(() => {
        rssHighest = Math.max(rssHighest, rssMbOf(brokerPid));
      }, 500);
      door.shut();
      await postgres.stop();
      console.log(`database stopped for ${stoppedMs / 1000} s`);
      await delay(stoppedMs);
      const backlog = (await fleet.read()).streams.reduce(
        (sum, { produced, acked }) => sum + produced - acked,
        0,
      );
      postgres = await start();
      door.open(postgres.url);
      const startedAt = performance.now();
      await fleet.finish();
      const last = await untilFleet(fleet, 'the backlog', MAX_CLEAR_MS, allAcked);
      const clearMs = Math.round(performance.now() - startedAt);
      // Longer than the silence after which a device is called offline.
      await delay(80_000);
      clearInterval(sampler);
      const counted = await countFleet(postgres.url, last, RECORDS_PER_BATCH);
      const { offline, wills } = await countOffline(postgres.url);
      const growthMb = Math.round(rssHighest - rssBefore);
      console.log(`backlog of ${backlog} batches, cleared ${clearMs} ms after the return`);
      const { missing, doubled, disordered, acked } = counted;
      const bad = missing + doubled + disordered + offline + wills;
      return {
        name: 'telemetry-database-stopped',
        figure:
          `${missing} lost, ${doubled} doubled, ${disordered} out of order of ${acked} records; ${offline} false offline, ` +
          `${wills} wills; broker +${growthMb} MB; cleared in ${(clearMs / 1000).toFixed(1)} s`,
        limit: `0, 0, 0; 0, 0; ${MAX_RSS_GROWTH_MB} MB; ${MAX_CLEAR_MS / 1000} s`,
        holds: bad === 0 && acked > 0 && growthMb <= MAX_RSS_GROWTH_MB && clearMs <= MAX_CLEAR_MS,
      };
    } finally {
      await fleet.stop();
    }
  } finally {
    door.open();
    await installation.stop();
    await door.close();
    await postgres.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});

async function countOffline(url: string): Promise<{ offline: number; wills: number }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ offline: number; wills: number }>(
    `SELECT count(*)::int AS offline, (count(*) FILTER (WHERE reason = 'last_will'))::int AS wills
     FROM presence_events WHERE to_observation = 'offline'`,
  );
  await client.end();
  return rows[0] ?? { offline: Number.NaN, wills: Number.NaN };
}
