/**
 * Bar B2: consumers of organisation A that stop reading, an integrator and a device, do not slow organisation B.
 * Rounds with and without them take turns, so that the machine's own noise is in both.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { deviceInbox, topicFor } from '#contract';
import { percentile, runBar } from '../../support/bar.ts';
import { device, integrator, startTestBroker, type TestBroker } from '../../support/broker.ts';
import type { RawClient } from '../../support/raw-mqtt-client.ts';

const LIMIT_MS = 20;
const ROUND_MS = 12_000;
const ROUNDS = 5;
/** Both loads are within what a device may send, so that no rate limit is measured. */
const PROBE_INTERVAL_MS = 25;
const FLOOD_INTERVAL_MS = 25;
const FLOOD_BYTES = 60_000;

const addressOf = (org: string) => {
  const principal = device(org);
  if (principal.kind !== 'device') throw new Error('not a device');
  return principal;
};

await runBar(async () => {
  await using test = await startTestBroker();
  const calm: number[] = [];
  const frozen: number[] = [];
  const probe = await startProbe(test);
  for (let round = 0; round < ROUNDS; round += 1) {
    calm.push(...(await probe.measure(ROUND_MS)));
    const attack = await startAttack(test);
    frozen.push(...(await probe.measure(ROUND_MS)));
    await attack.stop();
  }
  const [before, after] = [percentile(calm, 0.99), percentile(frozen, 0.99)];
  const { refusals, eventLoopLagMs } = test.broker.metrics();
  console.log(
    `frozen clients cut: ${refusals['frame.slow']}; event loop lag ${JSON.stringify(eventLoopLagMs)} ms`,
  );
  console.log(
    `RSS ${Math.round(process.memoryUsage().rss / 2 ** 20)} MB; ${calm.length} + ${frozen.length} probes`,
  );
  const moved = after - before;
  return {
    name: 'frozen-consumer',
    figure: `p99 of the other organisation ${before.toFixed(1)} -> ${after.toFixed(1)} ms, moved ${moved.toFixed(1)} ms`,
    limit: `< ${LIMIT_MS} ms`,
    holds: moved < LIMIT_MS && frozen.length > 0 && refusals['frame.slow'] > 0,
  };
});

/** Organisation B: a device publishes its send time, an integrator takes the difference; the control plane acks. */
async function startProbe(test: TestBroker) {
  const address = addressOf('bolt');
  const sender = await test.connect(test.keysFor(address));
  const reader = await test.connect(test.keysFor(integrator('bolt')));
  await sender.subscribe(deviceInbox(address));
  await reader.subscribe('edge/v1/bolt/+/up/#');
  const latencies: number[] = [];
  reader.onPublish((packet) => {
    latencies.push(performance.now() - Number(packet.payload.toString()));
  });
  return {
    async measure(durationMs: number): Promise<number[]> {
      latencies.length = 0;
      const topic = topicFor('heartbeat', address);
      const end = performance.now() + durationMs;
      while (performance.now() < end) {
        if (sender.isClosed || reader.isClosed) throw new Error('a client of the other organisation was cut');
        sender.send({
          cmd: 'publish',
          topic,
          payload: String(performance.now()),
          qos: 0,
          dup: false,
          retain: false,
        });
        await delay(PROBE_INTERVAL_MS);
      }
      await Promise.all([sender.ping(), reader.ping()]);
      return [...latencies];
    },
  };
}

/** Organisation A: a device floods, an integrator and a second device have asked for it all and read nothing. */
async function startAttack(test: TestBroker): Promise<{ stop(): Promise<void> }> {
  let isRunning = true;
  const address = addressOf('acme');
  const sleeping = addressOf('acme');
  const flooder = await test.connect(test.keysFor(address));
  const frozenDevice = await test.connect(test.keysFor(sleeping));
  await frozenDevice.subscribe(deviceInbox(sleeping));
  frozenDevice.socket.pause();
  const keys = test.keysFor(integrator('acme', `f-${Math.floor(performance.now())}`));
  let consumer: RawClient = await freeze(test, keys);
  const payload = Buffer.alloc(FLOOD_BYTES, 0x20);
  const loop = (async () => {
    while (isRunning) {
      const flood = { cmd: 'publish', payload, qos: 0, dup: false, retain: false } as const;
      flooder.send({ ...flood, topic: topicFor('heartbeat', address) });
      test.controlPlane.send({ ...flood, topic: topicFor('ack', sleeping) });
      // Cut for reading nothing, it comes back and does the same again.
      if (consumer.isClosed) consumer = await freeze(test, keys);
      await delay(FLOOD_INTERVAL_MS);
    }
  })();
  return {
    async stop() {
      isRunning = false;
      await loop;
      for (const client of [flooder, consumer, frozenDevice]) client.destroy();
    },
  };
}

async function freeze(test: TestBroker, keys: Parameters<TestBroker['connect']>[0]): Promise<RawClient> {
  const client = await test.connect(keys);
  await client.subscribe('edge/v1/acme/#');
  client.socket.pause();
  return client;
}
