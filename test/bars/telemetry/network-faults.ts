/**
 * Bar F3: an agent behind a bad network, by a TCP proxy of our own between it and the real broker. After each fault the
 * device is heard again within 2.5 beats; meanwhile it knocks with jitter and not in haste; an older session is never
 * heard beside a newer one; and nothing that it recorded is missing or doubled.
 * Beats, keep-alive, time-outs and faults are a fifteenth of the product's (2 s for 30 s), with --long a fifth.
 * `node test/bars/telemetry/network-faults.ts [--long]`
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Running } from '../../../agent/agent.ts';
import { STATE_FILES } from '../../../agent/identity.ts';
import { enrollMachine, startQuickAgent } from '../../integration/agent/agent-of.ts';
import { type ContractCloud, startContractCloud } from '../../integration/agent/contract-cloud.ts';
import { runBar } from '../../support/bar.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';

const { values } = parseArgs({ options: { long: { type: 'boolean', default: false } } });
const SCALE = values.long ? 5 : 15;
const BEAT_MS = 30_000 / SCALE;
const LIMIT_BEATS = 2.5;
const GIVE_UP_MS = 15 * BEAT_MS;

const FAULTS: ReadonlyArray<{ readonly fault: Fault; readonly forMs: number }> = [
  { fault: { kind: 'delay', maxMs: 5000 / SCALE }, forMs: 3 * BEAT_MS },
  { fault: { kind: 'stall', maxMs: 30_000 / SCALE }, forMs: 3 * BEAT_MS },
  { fault: { kind: 'half_open' }, forMs: 0 },
  // Tries fail at once here, so that the back-off grows fastest: after three beats it may be beyond the limit by itself.
  { fault: { kind: 'reset' }, forMs: BEAT_MS },
  { fault: { kind: 'drip' }, forMs: 3 * BEAT_MS },
  { fault: { kind: 'black_hole' }, forMs: 90_000 / SCALE },
];

let cloud: ContractCloud | undefined;
let proxy: FaultProxy | undefined;
let agent: Running | undefined;
await runBar(async () => {
  try {
    cloud = await startContractCloud();
    const stateDir = await enrollMachine(cloud);
    proxy = await startFaultProxy(cloud.mqttPort, Math.random);
    await leadThrough(stateDir, proxy.port);
    agent = await startQuickAgent(stateDir, {
      heartbeatIntervalMs: BEAT_MS,
      keepaliveSeconds: BEAT_MS / 1000,
      connectTimeoutMs: 15_000 / SCALE,
      backoff: { firstMs: 1000 / SCALE, capMs: 300_000 / SCALE, unreachedCapMs: 60_000 / SCALE },
      resendAfterMs: 10_000 / SCALE,
    });
    return await measure(cloud, proxy, agent);
  } finally {
    await agent?.stop();
    await proxy?.stop();
    await cloud?.[Symbol.asyncDispose]();
  }
});

async function measure(toCloud: ContractCloud, through: FaultProxy, device: Running) {
  await until('the first beat', () => toCloud.heartbeats.length > 0);
  let worst = 0;
  let hasty = 0;
  for (const { fault, forMs } of FAULTS) {
    // Each fault by itself: until a beat is acknowledged the agent counts its session as a failed one.
    const acknowledged = device.status().acknowledgedBeats;
    await until('an acknowledged beat', () => device.status().acknowledgedBeats > acknowledged);
    const attempts = through.attemptsAtMs.length;
    through.set(fault);
    await sleep(forMs);
    // What is half open stays so; only new links are well.
    through.set({ kind: 'none' });
    const recoveredAt = performance.now();
    const beats = toCloud.heartbeats.length;
    const epoch = device.status().epoch;
    // A dead session may still have said something just before: another beat, and of a link that lives.
    await until(
      `a beat after ${fault.kind}`,
      () => toCloud.heartbeats.length > beats && device.status().isConnected,
    );
    const tookBeats = (performance.now() - recoveredAt) / BEAT_MS;
    worst = Math.max(worst, tookBeats);
    const knocks = through.attemptsAtMs.slice(attempts).filter((atMs) => atMs < recoveredAt);
    hasty += tooHasty(knocks, forMs);
    console.log(
      `${fault.kind}: heard again after ${tookBeats.toFixed(2)} beats, ${knocks.length} connects meanwhile, session ${epoch} → ${device.status().epoch}`,
    );
  }
  await until('nothing held any more', () => device.status().outbox.records <= 6);
  const doubled = countDoubled(toCloud);
  const overlapping = countOverlapping(toCloud);
  const { dropped } = device.status().outbox;
  return {
    name: 'network-faults',
    figure: `${worst.toFixed(2)} beats, ${overlapping} double sessions, ${hasty} hasty waits, ${doubled} doubled, ${dropped} lost`,
    limit: `${LIMIT_BEATS} beats, 0, 0, 0, 0`,
    holds: worst <= LIMIT_BEATS && overlapping === 0 && hasty === 0 && doubled === 0 && dropped === 0,
  };
}

/** Full jitter doubles its ceiling: in this time more tries than these, or all in one rhythm, are no back-off. */
function tooHasty(knocks: readonly number[], forMs: number): number {
  const doublings = Math.log2(Math.max(2, (forMs * SCALE) / 1000));
  // Half the ceiling is the mean wait; twice that many tries happen to one run in thousands.
  const isTooOften = knocks.length > 4 * doublings + 4;
  const waits = knocks.slice(1).map((atMs, index) => atMs - (knocks[index] ?? 0));
  const isRhythm = waits.length >= 4 && Math.max(...waits) - Math.min(...waits) < 20;
  return Number(isTooOften) + Number(isRhythm);
}

/** Beats of a session that came after the hello of a newer one. */
function countOverlapping({ heartbeats, presence }: ContractCloud): number {
  const epochs = heartbeats.map(({ session_epoch: epoch = 0 }) => epoch);
  const backwards = epochs.filter((epoch, index) => epoch < Math.max(0, ...epochs.slice(0, index)));
  const hellos = presence.filter(({ kind }) => kind === 'hello').map(({ session_epoch: epoch }) => epoch);
  const repeated = hellos.filter((epoch, index) => epoch <= Math.max(0, ...hellos.slice(0, index)));
  return backwards.length + repeated.length;
}

function countDoubled({ rows, logRows, eventRows }: ContractCloud): number {
  const keys = [
    ...rows.map((row) => JSON.stringify([row.timestamp, row.metric_type, row.labels])),
    ...logRows.map((row) => JSON.stringify([row.timestamp, row.message])),
    ...eventRows.map((row) => JSON.stringify([row.timestamp, row.kind, row.message])),
  ];
  return keys.length - new Set(keys).size;
}

/** The device is told the proxy's port in the place of the broker's. */
async function leadThrough(stateDir: string, port: number): Promise<void> {
  const file = join(stateDir, STATE_FILES.identity);
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace(/mqtts:\/\/localhost:\d+/, `mqtts://localhost:${port}`));
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + GIVE_UP_MS;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${GIVE_UP_MS} ms`);
    await sleep(10);
  }
}
