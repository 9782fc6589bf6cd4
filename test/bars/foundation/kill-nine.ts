/**
 * Bar A1: kill -9 of broker, control plane and PostgreSQL in turn while devices send sealed batches. Everything comes
 * back by itself, and every record that was acknowledged is in the table exactly once.
 * `node test/bars/foundation/kill-nine.ts [--rounds 10] [--devices 40] [--seed 1] [--long]`; --long: 100 rounds.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { type Installation, startInstallation } from '../../support/installation.ts';
import { type OutboxDevice, startOutboxDevice } from '../../support/outbox-device.ts';
import { seedFleet } from '../../support/seeded-fleet.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const RECORDS_PER_BATCH = 10;
/** 40 devices × 10 records ÷ 0.5 s: 800 records a second while nothing is down. */
const BATCH_INTERVAL_MS = 500;
const RECOVERY_LIMIT_MS = 90_000;
/** Load runs this long between two kills, at most. */
const LOAD_MS = 1500;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    long: { type: 'boolean', default: false },
    devices: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
  },
});
const rounds = Number(values.rounds ?? (values.long ? 100 : 10));
const random = seededRandom(Number(values.seed));
const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const dir = mkdtempSync(join(tmpdir(), 'kill-nine-'));
let installation: Installation | undefined;
let devices: OutboxDevice[] = [];
let exitCode = 1;
try {
  installation = await startInstallation({ dir });
  exitCode = await run(installation);
} catch (error) {
  console.error(error);
} finally {
  await Promise.all(devices.map((device) => device.stop()));
  await installation?.stop();
  rmSync(dir, { recursive: true, force: true });
}
process.exit(exitCode);

async function run(running: Installation): Promise<number> {
  const { database, authority } = running;
  const fleet = await seedFleet({ database, authority, slug: 'kill-nine', count: Number(values.devices) });
  devices = fleet.devices.map((credentials) =>
    startOutboxDevice({
      host: 'localhost',
      port: running.mqttPort,
      trustPem: authority.trustPem,
      credentials,
      bootId: randomUUID(),
      recordsPerBatch: RECORDS_PER_BATCH,
      intervalMs: BATCH_INTERVAL_MS,
      random,
    }),
  );
  await untilAllAcked('the first acks');
  let kills = 0;
  for (let round = 1; round <= rounds; round += 1) {
    for (const victim of ['broker', 'control-plane', 'postgres'] as const) {
      await delay(random() * LOAD_MS);
      const startedAt = performance.now();
      running.kill(victim);
      kills += 1;
      await running.untilBack(victim, RECOVERY_LIMIT_MS);
      await untilAllAcked(`acks after kill ${kills} (${victim})`);
      const tookMs = Math.round(performance.now() - startedAt);
      console.log(`round ${round}: ${victim} killed, acks from every device again after ${tookMs} ms`);
    }
  }
  await Promise.all(devices.map((device) => device.drain(RECOVERY_LIMIT_MS)));
  const { missing, doubled, acked, unacked } = await count(running.databaseUrl);
  const lost = devices.reduce((sum, device) => sum + device.retractions, 0);
  if (lost > 0) console.error(`${lost} acks were lower than one given before`);
  if (unacked > 0) console.log(`${unacked} records stored whose ack was not heard: allowed`);
  console.log(
    `kill-nine: ${missing} missing, ${doubled} doubled of ${acked} acked, ${kills} kills (${missing}, ${doubled})`,
  );
  return missing === 0 && doubled === 0 && lost === 0 && acked > 0 && kills === 3 * rounds ? 0 : 1;
}

/** Each device has heard an ack for a batch that it first sent after now. */
async function untilAllAcked(what: string): Promise<void> {
  const marks = devices.map((device) => device.sealedSeq);
  const deadline = Date.now() + RECOVERY_LIMIT_MS;
  while (!devices.every((device, index) => device.ackedSeq > (marks[index] ?? 0))) {
    if (Date.now() > deadline) {
      const silent = devices.filter((device, index) => device.ackedSeq <= (marks[index] ?? 0)).length;
      throw new Error(`${what}: ${silent} of ${devices.length} devices wait after ${RECOVERY_LIMIT_MS} ms`);
    }
    await delay(20);
  }
}

/** Every record of every acked batch, looked up by what its device put in. */
async function count(
  databaseUrl: string,
): Promise<{ missing: number; doubled: number; acked: number; unacked: number }> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const result = await client.query<{ device: string; boot: string; seq: number; index: number; n: number }>(
    `SELECT device_id AS device, metric_value->>'boot' AS boot, (metric_value->>'seq')::int AS seq,
            (metric_value->>'index')::int AS index, count(*)::int AS n
       FROM device_metrics WHERE metric_type = 'kill_nine' GROUP BY 1, 2, 3, 4`,
  );
  await client.end();
  const stored = new Map(
    result.rows.map(({ device, boot, seq, index, n }) => [`${device} ${boot} ${seq} ${index}`, n]),
  );
  let missing = 0;
  let acked = 0;
  for (const device of devices) {
    for (let seq = 1; seq <= device.ackedSeq; seq += 1) {
      for (let index = 0; index < RECORDS_PER_BATCH; index += 1) {
        acked += 1;
        if (!stored.has(`${device.deviceId} ${device.bootId} ${seq} ${index}`)) missing += 1;
      }
    }
  }
  const doubled = [...stored.values()].reduce((sum, n) => sum + n - 1, 0);
  return { missing, doubled, acked, unacked: Math.max(0, stored.size - (acked - missing)) };
}
