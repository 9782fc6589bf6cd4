/**
 * Heartbeats of 1,000 simulated devices over mTLS: publish → committed row → ack, on our broker and on Debian's
 * mosquitto with the same certificates. `npm run bench:heartbeat -- [--devices 1000] [--only own|mosquitto] [--quick]`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort, type Installation, startInstallation } from '../support/installation.ts';
import { type SeededDevice, seedFleet } from '../support/seeded-fleet.ts';
import { type Measured, startBeatingFleet } from './beating-fleet.ts';
import { hasMosquitto, startMosquitto } from './mosquitto.ts';

/** SD target 500 ms; ours. */
const LIMIT_MS = 100;
const BEAT_INTERVAL_S = 30;

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '1000' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
const deviceCount = Number(values.devices);
/** Beats a second, and for how long. The first is the real rate and decides. */
const PHASES: readonly { readonly rate: number; readonly seconds: number }[] = [
  { rate: deviceCount / BEAT_INTERVAL_S, seconds: values.quick ? 30 : 60 },
  { rate: 333, seconds: values.quick ? 5 : 20 },
  { rate: 1000, seconds: values.quick ? 5 : 20 },
];

interface Row {
  readonly broker: string;
  readonly rate: number;
  readonly measured: Measured;
}

const rows: Row[] = [];
const brokers = (['own', 'mosquitto'] as const).filter(
  (broker) => values.only === undefined || values.only === broker,
);
let isSound = true;
for (const broker of brokers) {
  if (broker === 'mosquitto' && !hasMosquitto()) {
    console.log('mosquitto is not installed: no numbers beside ours');
    continue;
  }
  const dir = mkdtempSync(join(tmpdir(), 'bench-heartbeat-'));
  try {
    await measure(broker, dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
printTable();
const decisive = rows.find((row) => row.broker === 'own' && row.rate === PHASES[0]?.rate);
const p95 = decisive?.measured.p95 ?? Number.NaN;
const holds = isSound && p95 < LIMIT_MS;
console.log(
  `heartbeat-p95: ${Math.round(p95)} ms at ${deviceCount.toLocaleString('en')} devices (limit ${LIMIT_MS} ms)`,
);
process.exit(holds ? 0 : 1);

async function measure(broker: 'own' | 'mosquitto', dir: string): Promise<void> {
  const port = broker === 'mosquitto' ? await freePort() : undefined;
  const { openAuthority } = await import('#certs');
  const outside =
    port === undefined
      ? null
      : await startMosquitto({ dir, port, authority: await openAuthority({ dir: join(dir, 'authority') }) });
  let installation: Installation | undefined;
  try {
    installation = await startInstallation({
      dir,
      ...(port === undefined ? {} : { mqttPort: port }),
      ...(values.verbose ? { onLine: (name, line) => console.error(name, line) } : {}),
    });
    const { database, authority, mqttPort } = installation;
    const { devices } = await seedFleet({ database, authority, slug: 'bench', count: deviceCount });
    await beatAll(broker, mqttPort, authority.trustPem, devices, async () => {
      const { byStatus } = await database.devices.summary(null);
      if (byStatus.online === deviceCount) return;
      console.error(`${broker}: ${byStatus.online ?? 0} of ${deviceCount} devices are online`);
      isSound = false;
    });
  } finally {
    await installation?.stop();
    await outside?.stop();
  }
}

async function beatAll(
  broker: string,
  port: number,
  trustPem: string,
  devices: readonly SeededDevice[],
  /** Their wills would turn them offline. */
  beforeTheyHangUp: () => Promise<void>,
): Promise<void> {
  const startedAt = performance.now();
  const fleet = await startBeatingFleet({ port, trustPem, devices, epoch: 1 });
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`${broker}: ${devices.length} devices connected in ${seconds.toFixed(1)} s`);
  // The first beat of each carries a token and turns presence: not what an ordinary beat costs.
  await fleet.run(200, devices.length / 200);
  for (const { rate, seconds: length } of PHASES) {
    const measured = await fleet.run(rate, length);
    rows.push({ broker, rate, measured });
    if (broker === 'own' && measured.acked < measured.sent) {
      console.error(
        `own: ${measured.sent - measured.acked} beats of ${measured.sent} were never acknowledged`,
      );
      isSound = false;
    }
  }
  if (broker === 'own' && fleet.broken > 0) {
    console.error(`own: ${fleet.broken} connections broke`);
    isSound = false;
  }
  await beforeTheyHangUp();
  fleet.stop();
}

function printTable(): void {
  console.log('\n| broker | beats/s | sent | acked | p50 ms | p95 ms | p99 ms | max ms |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const { broker, rate, measured } of rows) {
    const { sent, acked, p50, p95: p, p99, max } = measured;
    const times = [p50, p, p99, max].map((ms) => ms.toFixed(1)).join(' | ');
    console.log(`| ${broker} | ${Math.round(rate)} | ${sent} | ${acked} | ${times} |`);
  }
  console.log('');
}
