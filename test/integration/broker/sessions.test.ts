/** Who is let in, under which name, and what happens to sessions: takeover, wills, restart, revocation. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviceInbox, systemTopic, topicFor } from '#contract';
import {
  device,
  eventually,
  integrator,
  service,
  startTestBroker,
  type TestBroker,
} from '../../support/broker.ts';

let test: TestBroker;
beforeAll(async () => {
  test = await startTestBroker();
});
afterAll(() => test.stop());

const addressOf = (principal: ReturnType<typeof device>) => {
  if (principal.kind !== 'device') throw new Error('not a device');
  return { org: principal.org, device: principal.device };
};

describe('a device', () => {
  it('speaks on its up channels, is heard by the control plane, and hears its down channels', async () => {
    const keys = test.keysFor(device('acme'));
    const address = addressOf(keys.principal);
    const client = await test.connect(keys);
    expect(await client.subscribe(deviceInbox(address))).toEqual([1]);
    expect(await test.controlPlane.subscribe('edge/v1/+/+/up/heartbeat')).toEqual([1]);
    expect(await client.publish(topicFor('heartbeat', address), '{"beat":1}')).toBe('acked');
    const heard = await test.controlPlane.next('publish');
    expect([heard.topic, heard.payload.toString()]).toEqual([topicFor('heartbeat', address), '{"beat":1}']);
    expect(await test.controlPlane.publish(topicFor('ack', address), '{"seq":1}')).toBe('acked');
    expect((await client.next('publish')).payload.toString()).toBe('{"seq":1}');
    client.destroy();
  });
});

describe('MQTT 5', () => {
  it('is refused by the engine of today and spoken by the next one', async () => {
    const keys = test.keysFor(device('acme'));
    const client = await test.open(keys);
    const code = await client.connect({ clientId: keys.clientId, protocolVersion: 5 });
    const UNACCEPTABLE_PROTOCOL = 1;
    expect(code).toBe(process.env.AEDES === 'next' ? 0 : UNACCEPTABLE_PROTOCOL);
    client.destroy();
  });
});

describe('last will', () => {
  it('is published when the line breaks and not after a goodbye', async () => {
    const keys = test.keysFor(device('acme'));
    const topic = topicFor('presence', addressOf(keys.principal));
    const will = { topic, payload: Buffer.from('lost'), qos: 1 as const, retain: true };
    const watcher = await test.connect(test.keysFor(service('watcher')));
    await watcher.subscribe(topic);
    const first = await test.connect(keys, { clientId: keys.clientId, will });
    await first.disconnect();
    const second = await test.connect(keys, { clientId: keys.clientId, will });
    await second.publish(topic, 'hello');
    second.destroy();
    expect((await watcher.next('publish')).payload.toString()).toBe('hello');
    expect((await watcher.next('publish')).payload.toString()).toBe('lost');
    watcher.destroy();
  });
});

describe('revocation', () => {
  it('closes the session within a second without its will, and lets it not in again', async () => {
    const keys = test.keysFor(device('acme'));
    const topic = topicFor('presence', addressOf(keys.principal));
    const watcher = await test.connect(test.keysFor(service('watcher')));
    await watcher.subscribe(topic);
    const will = { topic, payload: Buffer.from('lost'), qos: 1 as const, retain: true };
    const client = await test.connect(keys, { clientId: keys.clientId, will });
    const start = performance.now();
    await Promise.all([test.revoke(keys.serial), client.closed()]);
    expect(performance.now() - start).toBeLessThan(1000);
    const again = await test.open(keys);
    expect(await again.connect({ clientId: keys.clientId })).toBe(5);
    await watcher.ping();
    expect(watcher.packets.filter(({ cmd }) => cmd === 'publish')).toEqual([]);
    await test.publishSnapshot([]);
    watcher.destroy();
  });
});

describe('before the first complete snapshot', () => {
  it('only services are let in; others are told to come back', async () => {
    await using early = await startTestBroker({ isReady: false });
    for (const principal of [device('acme'), integrator('acme')]) {
      const keys = early.keysFor(principal);
      expect(await (await early.open(keys)).connect({ clientId: keys.clientId })).toBe(3);
    }
    const half = { kind: 'snapshot', generation: 'g', part: 1, parts: 2, serials: [] };
    await early.controlPlane.publish(systemTopic('revocations'), JSON.stringify(half));
    expect(early.broker.metrics().isReady).toBe(false);
    await early.controlPlane.publish(systemTopic('revocations'), JSON.stringify({ ...half, part: 2 }));
    await early.connect(early.keysFor(device('acme')));
    expect(early.broker.metrics().refusals['identity.not_ready']).toBe(2);
  });
});

describe('refusals', () => {
  it('are counted, logged and reported to the control plane, folded by device and reason', async () => {
    const keys = test.keysFor(device('acme'));
    const address = addressOf(keys.principal);
    await test.controlPlane.subscribe(systemTopic('refusals'));
    const client = await test.connect(keys);
    await client.subscribe('edge/v1/+/+/up/#', '$SYS/#', '#');
    await eventually('a report', () =>
      test.controlPlane.packets.some(
        (packet) => packet.cmd === 'publish' && packet.payload.toString().includes(address.device),
      ),
    );
    const report = test.controlPlane.packets.findLast((packet) => packet.cmd === 'publish');
    const { refusals } = JSON.parse(report?.cmd === 'publish' ? report.payload.toString() : '{}');
    expect(refusals).toContainEqual({
      ...address,
      reason: 'subscribe.topic',
      detail: 'edge/v1/+/+/up/#',
      count: 3,
    });
    expect(test.log).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        text: 'refused',
        fields: expect.objectContaining({ code: 'subscribe.topic', count: 3 }),
      }),
    );
    client.destroy();
  });
});
