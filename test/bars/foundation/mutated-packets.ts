/**
 * Bar B4: mutated packets over many connections, before and after CONNECT, for 60 s (`--long`: 10 min). The broker runs
 * on, nothing is left behind, honest clients are served, memory comes back.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { topicFor } from '#contract';
import { percentile, runBar } from '../../support/bar.ts';
import { device } from '../../support/broker.ts';
import {
  type BrokerReading,
  type MeasuredBroker,
  startMeasuredBroker,
} from '../../support/measured-broker.ts';
import { createPacketMutator } from '../../support/packet-mutator.ts';
import { connectRaw } from '../../support/raw-mqtt-client.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const SECONDS = process.argv.includes('--long') ? 600 : 60;
const SEED = 20_261_123;
const ATTACKERS = 16;
/** As long as caches fill and the compiler works; memory is compared with after it. */
const WARM_UP_SECONDS = 20;
/** Packets of one connection before it is given up, if the broker has not done so. */
const PACKETS_PER_CONNECTION = 40;
const HONEST_INTERVAL_MS = 100;
const HONEST_P99_LIMIT_MS = 1000;
const MEMORY_LIMIT_MB = 20;
/** Sockets must be gone within this. */
const SETTLE_MS = 10_000;
/** And memory within this: the engine under us gives pages back only when it has been idle. */
const MEMORY_SETTLE_MS = 60_000;

/** The attackers are no flood to be slowed down here: their packets shall get in. */
const RATES = {
  connectsPerSecond: 1e6,
  connectBurst: 1e6,
  deviceMessagesPerSecond: 1e6,
  deviceMessageBurst: 1e6,
  orgMessagesPerSecond: 1e6,
  orgMessageBurst: 1e6,
};

await runBar(async () => {
  const broker = await startMeasuredBroker(RATES);
  await attack(broker, WARM_UP_SECONDS, SEED);
  const before = await broker.read();
  const honest = startHonest(broker);
  const sent = await attack(broker, SECONDS, SEED + 1);
  const latencies = await honest.stop();
  await delay(SETTLE_MS);
  const { connections, clients } = (await broker.read()).metrics;
  // The control plane's own, while its keepalive lasts.
  const sockets = connections - clients.service;
  const after = await settled(broker, before);
  await broker.stop();
  const [rssMb, usedMb] = [after.rssMb - before.rssMb, after.usedMb - before.usedMb];
  const p99 = percentile(latencies, 0.99);
  console.log(after.metrics.refusals);
  console.log(
    `${latencies.length} honest beats; RSS ${before.rssMb.toFixed(0)} -> ${after.rssMb.toFixed(0)} MB`,
  );
  for (const error of after.errors.slice(0, 5)) console.log(error);
  return {
    name: 'mutated-packets',
    figure:
      `${sent} packets in ${SECONDS} s, 0 crashes, ${after.errors.length} errors, ${sockets} sockets left, ` +
      `honest p99 ${p99.toFixed(0)} ms, memory in use ${signed(usedMb)} MB, RSS ${signed(rssMb)} MB`,
    limit: `0, 0, 0, < ${HONEST_P99_LIMIT_MS} ms, <= ${MEMORY_LIMIT_MB} MB each`,
    holds:
      sent > 1000 &&
      after.errors.length === 0 &&
      sockets === 0 &&
      p99 < HONEST_P99_LIMIT_MS &&
      Math.max(rssMb, usedMb) <= MEMORY_LIMIT_MB,
  };
});

/** Each attacker owns a certificate and comes again whenever it is cut. @returns packets sent */
async function attack(broker: MeasuredBroker, seconds: number, seed: number): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let sent = 0;
  const one = async (number: number): Promise<void> => {
    const random = seededRandom(seed + number * 1000);
    const principal = device('acme', `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`);
    if (principal.kind !== 'device') return;
    const keys = broker.keysFor(principal);
    // Bent bytes end a connection soon; packets bent only in their fields get past the guard to the engine.
    const mutators = [0, 0.2, 0.8].map((byteShare) => createPacketMutator(principal, random, byteShare));
    while (performance.now() < end) {
      const mutate = mutators[Math.floor(random() * mutators.length)];
      // A broker that is gone refuses this, which ends the bar.
      const client = await connectRaw(keys.tls);
      if (random() < 0.8) await client.connect({ clientId: keys.clientId });
      for (let count = 0; count < PACKETS_PER_CONNECTION && !client.isClosed; count += 1) {
        if (mutate !== undefined) client.sendBytes(mutate());
        sent += 1;
        if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve));
      }
      client.destroy();
      await client.closed();
    }
  };
  await Promise.all(Array.from({ length: ATTACKERS }, (_, number) => one(number)));
  return sent;
}

/** A device of another organisation that beats all the while. */
function startHonest(broker: MeasuredBroker): { stop(): Promise<number[]> } {
  const latencies: number[] = [];
  let isRunning = true;
  const loop = (async () => {
    const principal = device('bolt');
    if (principal.kind !== 'device') return;
    const keys = broker.keysFor(principal);
    const client = await connectRaw(keys.tls);
    await client.connect({ clientId: keys.clientId });
    while (isRunning) {
      const start = performance.now();
      const answer = await client.publish(topicFor('heartbeat', principal), '{}');
      if (answer !== 'acked') throw new Error('the honest device was cut');
      latencies.push(performance.now() - start);
      await delay(HONEST_INTERVAL_MS);
    }
    await client.disconnect();
  })();
  return {
    async stop() {
      isRunning = false;
      await loop;
      return latencies;
    },
  };
}

/** The last reading, or the first one whose memory is back. */
async function settled(broker: MeasuredBroker, before: BrokerReading): Promise<BrokerReading> {
  const end = performance.now() + MEMORY_SETTLE_MS;
  for (;;) {
    const reading = await broker.read();
    const isBack =
      reading.rssMb - before.rssMb <= MEMORY_LIMIT_MB && reading.usedMb - before.usedMb <= MEMORY_LIMIT_MB;
    if (isBack || performance.now() > end) return reading;
    await delay(2000);
  }
}

function signed(figure: number): string {
  return `${figure >= 0 ? '+' : ''}${figure.toFixed(0)}`;
}
