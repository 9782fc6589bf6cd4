/**
 * Bar A1: kill -9 of broker, control plane and PostgreSQL in turn under measurements and log lines, sent by another
 * process until acknowledged. Everything comes back by itself; every acknowledged record is in its table exactly once.
 * `node test/bars/telemetry/kill-nine.ts [--rounds 10] [--devices 80] [--rate 2000] [--seed 1] [--long]`; --long: 100 rounds.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { runBar } from '../../support/bar.ts';
import { countFleet } from '../../support/fleet-count.ts';
import { startInstallation } from '../../support/installation.ts';
import { seedFleet } from '../../support/seeded-fleet.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { allAcked, startTelemetryFleet, untilFleet } from '../../support/telemetry-fleet.ts';

const RECORDS_PER_BATCH = 5;
const RECOVERY_LIMIT_MS = 90_000;
/** Load runs this long between two kills, at most. */
const LOAD_MS = 2000;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    long: { type: 'boolean', default: false },
    devices: { type: 'string', default: '80' },
    rate: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
  },
});
const kills = Number(values.rounds ?? (values.long ? 100 : 10));
const random = seededRandom(Number(values.seed));
const VICTIMS = ['broker', 'control-plane', 'postgres'] as const;

await runBar(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kill-nine-'));
  const installation = await startInstallation({ dir });
  try {
    const { database, authority, mqttPort } = installation;
    const { devices } = await seedFleet({
      database,
      authority,
      slug: 'kill-nine',
      count: Number(values.devices),
    });
    const fleet = await startTelemetryFleet({
      port: mqttPort,
      trustPem: authority.trustPem,
      devices,
      messagesPerSecond: Number(values.rate),
      recordsPerBatch: RECORDS_PER_BATCH,
      window: 8,
      heartbeatSeconds: 0,
    });
    try {
      for (let kill = 1; kill <= kills; kill += 1) {
        await delay(random() * LOAD_MS);
        const victim = VICTIMS[(kill - 1) % VICTIMS.length] ?? 'broker';
        const marks = (await fleet.read()).streams.map(({ acked }) => acked);
        const startedAt = performance.now();
        installation.kill(victim);
        await installation.untilBack(victim, RECOVERY_LIMIT_MS);
        await untilFleet(fleet, `acks after kill ${kill} (${victim})`, RECOVERY_LIMIT_MS, ({ streams }) =>
          streams.every(({ acked }, index) => acked > (marks[index] ?? 0)),
        );
        console.log(
          `kill ${kill}: ${victim}, acks on every stream after ${Math.round(performance.now() - startedAt)} ms`,
        );
      }
      await fleet.finish();
      const last = await untilFleet(fleet, 'the last acks', RECOVERY_LIMIT_MS, allAcked);
      const { missing, doubled, acked, unheard } = await countFleet(
        installation.databaseUrl,
        last,
        RECORDS_PER_BATCH,
      );
      console.log(
        `${last.sent} batches sent, ${last.reconnects} reconnects, ${unheard} records stored unheard`,
      );
      return {
        name: 'telemetry-kill-nine',
        figure: `${missing} missing, ${doubled} doubled of ${acked} acked records, ${kills} kills, ${last.retractions} acks taken back`,
        limit: '0, 0',
        holds: missing === 0 && doubled === 0 && last.retractions === 0 && acked > 0,
      };
    } finally {
      await fleet.stop();
    }
  } finally {
    await installation.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});
