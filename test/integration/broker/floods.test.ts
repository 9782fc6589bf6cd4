/** Floods of every kind at once (RELIABILITY B5, in small): honest devices are served, memory is bounded, all goes away. */
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { topicFor } from '#contract';
import { percentile } from '../../support/bar.ts';
import { device, eventually, startTestBroker, type TestBroker } from '../../support/broker.ts';
import type { RawClient } from '../../support/raw-mqtt-client.ts';

const TCP_OPENS = 600;
const HALF_HANDSHAKES = 150;
const DRIPS = 60;
const PENDING_FRAMES = 60;
const PENDING_BYTES = 250_000;
const HONEST_BEATS = 60;
const RSS_LIMIT_MB = 300;

const sockets: Socket[] = [];
afterAll(() => {
  for (const socket of sockets) socket.destroy();
});

describe('under floods', () => {
  it('honest devices keep a p99 below a second, and the places come back', { timeout: 120_000 }, async () => {
    await using test = await startTestBroker({
      limits: { handshakeTimeoutMs: 4000, frameTimeoutMs: 4000, maxHandshakesPerAddress: 250 },
    });
    const rssBefore = process.memoryUsage().rss;
    const principal = device('bolt');
    if (principal.kind !== 'device') throw new Error('not a device');
    const honest = await test.connect(test.keysFor(principal));
    const floods = [openTcp(test, TCP_OPENS), halfHandshakes(test), drips(test), pendingFrames(test)];
    const latencies: number[] = [];
    for (let beat = 0; beat < HONEST_BEATS; beat += 1) {
      const start = performance.now();
      expect(await honest.publish(topicFor('heartbeat', principal), '{}')).toBe('acked');
      latencies.push(performance.now() - start);
      await delay(25);
    }
    await Promise.all(floods);
    expect(percentile(latencies, 0.99)).toBeLessThan(1000);
    expect((process.memoryUsage().rss - rssBefore) / 2 ** 20).toBeLessThan(RSS_LIMIT_MB);
    // The honest device and the control plane.
    await eventually('only the honest are left', () => test.broker.metrics().connections === 2, 20_000);
    const { refusals } = test.broker.metrics();
    expect(refusals['connections.limit']).toBeGreaterThan(0);
    expect(refusals['frame.slow']).toBe(DRIPS + PENDING_FRAMES);
    expect([await honest.ping(), await test.controlPlane.ping()]).toEqual(['alive', 'alive']);
  });
});

/** Connections that say nothing, and in `halfHandshakes` only the first bytes of a ClientHello. */
async function openTcp({ broker }: TestBroker, count: number, firstBytes?: Buffer): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connectTcp(broker.port, '127.0.0.1');
      sockets.push(socket);
      socket.resume();
      await new Promise<void>((resolve) => {
        socket.once('connect', resolve);
        socket.on('error', () => resolve());
      });
      if (firstBytes !== undefined) socket.write(firstBytes);
    }),
  );
}

const halfHandshakes = (test: TestBroker): Promise<void> =>
  openTcp(test, HALF_HANDSHAKES, Buffer.from('16030101fe010001fa0303', 'hex'));

/** Devices that send one byte of a frame now and then. */
async function drips(test: TestBroker): Promise<void> {
  for (let number = 0; number < DRIPS; number += 1) {
    const client = await connectDevice(test);
    client.sendBytes(Buffer.from('30ff7f', 'hex'));
    const drip = setInterval(() => client.sendBytes(Buffer.of(0x61)), 500);
    client.socket.once('close', () => clearInterval(drip));
  }
}

/** Devices that send all of a large frame but its last byte. */
async function pendingFrames(test: TestBroker): Promise<void> {
  const header = Buffer.from([
    0x30,
    0x80 | (PENDING_BYTES & 0x7f),
    0x80 | ((PENDING_BYTES >> 7) & 0x7f),
    PENDING_BYTES >> 14,
  ]);
  for (let number = 0; number < PENDING_FRAMES; number += 1) {
    const client = await connectDevice(test);
    client.sendBytes(Buffer.concat([header, Buffer.alloc(PENDING_BYTES - 1, 0x61)]));
  }
}

/** The floods fill every place for handshakes, so the attackers too may have to come again. */
async function connectDevice(test: TestBroker): Promise<RawClient> {
  const keys = test.keysFor(device('acme'));
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await test.connect(keys);
    } catch (error) {
      if (attempt === 200) throw error;
      await delay(50);
    }
  }
}
