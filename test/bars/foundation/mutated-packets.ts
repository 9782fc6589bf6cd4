/**
 * Bar B4: mutated packets over many connections, before and after CONNECT, for 60 s (`--long`: 10 min). The broker runs
 * on, nothing is left behind, honest clients are served, memory comes back.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { topicFor } from '#contract';
import { percentile, runBar } from '../../support/bar.ts';
import { device, eventually, startTestBroker, type TestBroker } from '../../support/broker.ts';
import { createPacketMutator } from '../../support/packet-mutator.ts';
import type { RawClient } from '../../support/raw-mqtt-client.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const SECONDS = process.argv.includes('--long') ? 600 : 60;
const SEED = 20_261_123;
const ATTACKERS = 8;
/** Packets of one connection before it is given up, if the broker has not done so. */
const PACKETS_PER_CONNECTION = 40;
const HONEST_INTERVAL_MS = 100;
const HONEST_P99_LIMIT_MS = 1000;
const RSS_LIMIT_MB = 20;
const SETTLE_MS = 10_000;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const faults: unknown[] = [];
process.on('uncaughtException', (error) => faults.push(error));
process.on('unhandledRejection', (error) => faults.push(error));

await runBar(async () => {
  const unlimited = { perSecond: 1e6, burst: 1e6 };
  await using test = await startTestBroker({
    limits: {
      connectsPerSecond: unlimited.perSecond,
      connectBurst: unlimited.burst,
      deviceMessagesPerSecond: unlimited.perSecond,
      deviceMessageBurst: unlimited.burst,
      orgMessagesPerSecond: unlimited.perSecond,
      orgMessageBurst: unlimited.burst,
    },
  });
  // The first second fills caches and compiles; memory is compared with after it.
  await attack(test, 1, SEED);
  const rssBefore = await settledRss();
  const honest = startHonest(test);
  const sent = await attack(test, SECONDS, SEED + 1);
  const latencies = await honest.stop();
  await eventually('all sockets closed', () => test.broker.metrics().connections === 1, SETTLE_MS);
  const rssMb = (await settledRss()) - rssBefore;
  const p99 = percentile(latencies, 0.99);
  const { refusals, connections } = test.broker.metrics();
  console.log({ refusals, connections, honestBeats: latencies.length, honestP99Ms: p99 });
  for (const fault of faults) console.log(fault);
  for (const line of test.log.filter(({ level }) => level === 'error').slice(0, 5)) console.log(line);
  const errors = test.log.filter(({ level }) => level === 'error').length;
  return {
    name: 'mutated-packets',
    figure: `${sent} packets in ${SECONDS} s, ${faults.length} crashes, ${errors} errors, honest p99 ${p99.toFixed(0)} ms, RSS ${rssMb >= 0 ? '+' : ''}${rssMb.toFixed(0)} MB`,
    limit: `0, 0, < ${HONEST_P99_LIMIT_MS} ms, <= ${RSS_LIMIT_MB} MB`,
    holds:
      faults.length === 0 &&
      errors === 0 &&
      p99 < HONEST_P99_LIMIT_MS &&
      rssMb <= RSS_LIMIT_MB &&
      sent > 1000,
  };
});

/** Each attacker owns a certificate and comes again whenever it is cut. @returns packets sent */
async function attack(test: TestBroker, seconds: number, seed: number): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let sent = 0;
  const one = async (number: number): Promise<void> => {
    const random = seededRandom(seed + number * 1000);
    const principal = device('acme', `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`);
    if (principal.kind !== 'device') return;
    const keys = test.keysFor(principal);
    const mutate = createPacketMutator(principal, random);
    while (performance.now() < end) {
      const client: RawClient = await test.open(keys);
      if (random() < 0.8) await client.connect({ clientId: keys.clientId });
      for (let count = 0; count < PACKETS_PER_CONNECTION && !client.isClosed; count += 1) {
        client.sendBytes(mutate());
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
function startHonest(test: TestBroker): { stop(): Promise<number[]> } {
  const latencies: number[] = [];
  let isRunning = true;
  const loop = (async () => {
    const principal = device('bolt');
    if (principal.kind !== 'device') return;
    const client = await test.connect(test.keysFor(principal));
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

async function settledRss(): Promise<number> {
  // Closed sockets give their buffers back some turns later.
  for (let turn = 0; turn < 5; turn += 1) {
    collectGarbage();
    await delay(200);
  }
  return process.memoryUsage().rss / 2 ** 20;
}
