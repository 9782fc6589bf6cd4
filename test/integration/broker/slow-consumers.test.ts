/** Consumers that do not read: cut when they are strangers, waited for when they are ours, and never others' trouble. */
import { describe, expect, it } from 'vitest';
import { topicFor } from '#contract';
import { device, eventually, integrator, service, startTestBroker } from '../../support/broker.ts';

const principal = { kind: 'device', org: 'acme', device: '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d' } as const;
const HEARTBEAT = topicFor('heartbeat', principal);
const KIB = 1024;
const unlimited = {
  deviceMessagesPerSecond: 1e6,
  deviceMessageBurst: 1e6,
  orgMessagesPerSecond: 1e6,
  orgMessageBurst: 1e6,
};
const never = { softBytes: Number.MAX_SAFE_INTEGER, stallMs: 600_000, gatherMs: 0 };

describe('an integrator that reads nothing', () => {
  it('is cut when too much waits for it, and the publisher is not slowed', async () => {
    const backlog = { hardBytes: 512 * KIB, ...never };
    await using test = await startTestBroker({
      limits: { ...unlimited, backlog: { device: backlog, integration: backlog, service: backlog } },
    });
    const reader = await test.connect(test.keysFor(integrator('acme')));
    await reader.subscribe('edge/v1/acme/#');
    reader.socket.pause();
    const client = await test.connect(test.keysFor(principal));
    const payload = Buffer.alloc(200 * KIB);
    // What the kernel's buffers take is not in our backlog, so this goes on until the limit is met.
    for (let sent = 0; sent < 200 && test.broker.metrics().refusals['frame.slow'] === 0; sent += 1) {
      expect(await client.publish(HEARTBEAT, payload)).toBe('acked');
    }
    expect(test.broker.metrics().refusals['frame.slow']).toBe(1);
    await eventually('it is gone', () => test.broker.metrics().clients.integration === 0);
    expect(await client.ping()).toBe('alive');
  });

  it('is cut when nothing moves for the stall time', async () => {
    const backlog = {
      hardBytes: 64 * KIB * KIB,
      softBytes: Number.MAX_SAFE_INTEGER,
      stallMs: 300,
      gatherMs: 0,
    };
    await using test = await startTestBroker({
      limits: { ...unlimited, backlog: { device: backlog, integration: backlog, service: backlog } },
    });
    const reader = await test.connect(test.keysFor(integrator('acme')));
    await reader.subscribe('edge/v1/acme/#');
    reader.socket.pause();
    const client = await test.connect(test.keysFor(principal));
    const payload = Buffer.alloc(200 * KIB);
    const isCut = () => test.broker.metrics().refusals['frame.slow'] === 1;
    for (let sent = 0; sent < 60 && !isCut(); sent += 1) await client.publish(HEARTBEAT, payload);
    await eventually('it is cut', isCut);
  });
});

describe('a service that reads slowly', () => {
  it('makes publishers wait instead of being cut, and gets every message in order', async () => {
    const backlog = { softBytes: 256 * KIB, hardBytes: 16 * KIB * KIB, stallMs: 60_000, gatherMs: 0 };
    await using test = await startTestBroker({
      limits: {
        ...unlimited,
        inflightPublishes: 4,
        backlog: { device: backlog, integration: backlog, service: backlog },
      },
    });
    const reader = await test.connect(test.keysFor(service('slow')));
    await reader.subscribe('edge/v1/+/+/up/heartbeat');
    const client = await test.connect(test.keysFor(principal));
    const heard: number[] = [];
    reader.onPublish((packet) => heard.push(Buffer.from(packet.payload).readUInt32BE(0)));
    reader.socket.pause();
    const total = 300;
    const answers = Array.from({ length: total }, (_, number) => {
      const payload = Buffer.alloc(100 * KIB);
      payload.writeUInt32BE(number);
      return client.publish(HEARTBEAT, payload);
    });
    let acked = 0;
    for (const answer of answers) void answer.then(() => (acked += 1));
    await test.controlPlane.ping();
    await eventually('the broker holds some back', () => acked > 0);
    expect(heard).toEqual([]);
    reader.socket.resume();
    await eventually('all messages', () => heard.length === total, 30_000);
    expect(heard).toEqual(Array.from({ length: total }, (_, number) => number));
    expect(await Promise.all(answers)).toEqual(Array(total).fill('acked'));
    expect(test.broker.metrics().refusals['frame.slow']).toBe(0);
  });
});

describe('a device that reads nothing', () => {
  it('does not keep the control plane from the others', async () => {
    await using test = await startTestBroker();
    const sleeper = await test.connect(test.keysFor(principal));
    await sleeper.subscribe(`edge/v1/acme/${principal.device}/down/#`);
    sleeper.socket.pause();
    const other = device('acme');
    if (other.kind !== 'device') throw new Error('not a device');
    const awake = await test.connect(test.keysFor(other));
    await awake.subscribe(`edge/v1/acme/${other.device}/down/#`);
    const payload = Buffer.alloc(200 * KIB);
    for (let round = 0; round < 20; round += 1) {
      await test.controlPlane.publish(topicFor('ack', principal), payload);
      await test.controlPlane.publish(topicFor('ack', other), String(round));
      expect((await awake.next('publish')).payload.toString()).toBe(String(round));
    }
  });
});
