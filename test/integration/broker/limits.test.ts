/** Limits: each is enforced, counted under its reason, and leaves the other clients alone. */
import { connect as connectTcp, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Limits } from '#broker';
import { type Principal, type RefusalReason, topicFor } from '#contract';
import {
  device,
  eventually,
  integrator,
  service,
  startTestBroker,
  type TestBroker,
} from '../../support/broker.ts';

const own = device('acme');
const address = own.kind === 'device' ? { org: own.org, device: own.device } : { org: '', device: '' };
const HEARTBEAT = topicFor('heartbeat', address);
const PRESENCE = topicFor('presence', address);

const refusals = (test: TestBroker, reason: RefusalReason): number => test.broker.metrics().refusals[reason];
const started = (limits: Partial<Limits> = {}) => startTestBroker({ limits });

describe('frames', () => {
  it('before CONNECT may have 4 KiB and not more', async () => {
    await using test = await started();
    const client = await test.open(test.keysFor(own));
    client.sendBytes(Buffer.from('10ff7f', 'hex'));
    await client.closed();
    expect(refusals(test, 'frame.too_large')).toBe(1);
  });

  it('afterwards may have 256 KiB and not more', async () => {
    await using test = await started();
    const keys = test.keysFor(own);
    const client = await test.connect(keys);
    expect(await client.publish(HEARTBEAT, Buffer.alloc(256 * 1024 - 200))).toBe('acked');
    expect(await client.publish(HEARTBEAT, Buffer.alloc(256 * 1024))).toBe('closed');
    expect(refusals(test, 'frame.too_large')).toBe(1);
  });

  it('sent behind CONNECT in one go come in after it, in order', async () => {
    await using test = await started();
    const keys = test.keysFor(own);
    const client = await test.open(keys);
    const inbox = `edge/v1/acme/${address.device}/down/#`;
    const [connected, granted, acked] = await Promise.all([
      client.connect({ clientId: keys.clientId }),
      client.subscribe(inbox),
      client.publish(HEARTBEAT, Buffer.alloc(100_000)),
    ]);
    expect([connected, granted, acked]).toEqual([0, [1], 'acked']);
  });

  it.each([
    ['a message id of 0', '320600016100006f'],
    ['a second CONNECT', '100d00044d515454040200 3c000161'.replace(' ', '')],
    ['invalid UTF-8 in a topic', '30040002ff61'],
    ['a server’s packet', '20020000'],
  ])('with %s end the connection', async (_name, hex) => {
    await using test = await started();
    const client = await test.connect(test.keysFor(own));
    client.sendBytes(Buffer.from(hex, 'hex'));
    await client.closed();
    expect(refusals(test, 'frame.malformed')).toBe(1);
  });

  it('must come in time: a CONNECT byte by byte, and a frame that never ends', async () => {
    await using test = await started({ connectTimeoutMs: 200, frameTimeoutMs: 200 });
    const silent = await test.open(test.keysFor(device('acme')));
    const dripping = await test.connect(test.keysFor(own));
    dripping.sendBytes(Buffer.from('30ff7f0004', 'hex'));
    await Promise.all([silent.closed(), dripping.closed()]);
    expect(refusals(test, 'frame.slow')).toBe(2);
    expect(await test.controlPlane.ping()).toBe('alive');
  });
});

describe('CONNECT', () => {
  it.each<[string, Principal, object, number | 'closed', RefusalReason]>([
    ['a session that outlives the connection', own, { clean: false }, 5, 'session.persistent'],
    ['such a session of an integrator', integrator('acme'), { clean: false }, 5, 'session.persistent'],
    ['the bridge protocol', own, { bridgeMode: true }, 'closed', 'session.bridge'],
    ['a foreign will', own, { will: will('edge/v1/other/x/up/presence') }, 5, 'will.topic'],
    ['a will on a down channel', own, { will: will(topicFor('ack', address)) }, 5, 'will.topic'],
    [
      'a retained will where nothing is retained',
      own,
      { will: { ...will(HEARTBEAT), retain: true } },
      5,
      'will.topic',
    ],
    ['a will in $SYS', own, { will: will('$SYS/x/new/clients') }, 5, 'will.topic'],
  ])('is refused with %s', async (_name, principal, options, answer, reason) => {
    await using test = await started();
    const keys = test.keysFor(principal);
    const client = await test.open(keys);
    expect(await client.connect({ clientId: keys.clientId, ...options })).toBe(answer);
    await client.closed();
    expect(refusals(test, reason)).toBe(1);
  });

  it.each([0, 121])('is refused with a keepalive of %d s', async (keepalive) => {
    await using test = await started();
    const keys = test.keysFor(own);
    expect(await (await test.open(keys)).connect({ clientId: keys.clientId, keepalive })).toBe(6);
  });

  it('may come a few times at once and then once a second; the session that is there stays', async () => {
    let nowMs = 0;
    await using test = await startTestBroker({ limits: { connectBurst: 3 }, now: () => nowMs });
    const keys = test.keysFor(own);
    const clients = [await test.connect(keys), await test.connect(keys), await test.connect(keys)];
    expect(await (await test.open(keys)).connect({ clientId: keys.clientId })).toBe(3);
    expect(refusals(test, 'identity.takeover_rate')).toBe(1);
    expect(await clients[2]?.ping()).toBe('alive');
    nowMs += 1000;
    await test.connect(keys);
  });

  it('of the same identity takes the session over', async () => {
    await using test = await started();
    const keys = test.keysFor(own);
    const first = await test.connect(keys);
    const second = await test.connect(keys);
    await first.closed();
    expect(await second.ping()).toBe('alive');
    await eventually('one client', () => test.broker.metrics().clients.device === 1);
  });
});

describe('publishes', () => {
  it('above the burst are slowed to the rate, and none is lost', async () => {
    await using test = await started({ deviceMessageBurst: 20 });
    const client = await test.connect(test.keysFor(own));
    await test.controlPlane.subscribe('edge/v1/+/+/up/heartbeat');
    const start = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 70 }, (_, beat) => client.publish(HEARTBEAT, String(beat))),
    );
    expect(new Set(answers)).toEqual(new Set(['acked']));
    expect(performance.now() - start).toBeGreaterThan(900);
    expect(refusals(test, 'rate.device')).toBeGreaterThan(0);
    const heard = () =>
      test.controlPlane.packets.flatMap((packet) =>
        packet.cmd === 'publish' ? [packet.payload.toString()] : [],
      );
    await eventually('all 70', () => heard().length === 70);
    expect(heard()).toEqual(Array.from({ length: 70 }, (_, beat) => String(beat)));
  });

  it('of one organisation share a rate that another does not feel', async () => {
    await using test = await started({ orgMessagesPerSecond: 20, orgMessageBurst: 10 });
    const publishMany = async (principal: Principal): Promise<number> => {
      if (principal.kind !== 'device') throw new Error('only devices publish');
      const client = await test.connect(test.keysFor(principal));
      const topic = topicFor('heartbeat', principal);
      const start = performance.now();
      await Promise.all(Array.from({ length: 9 }, () => client.publish(topic, 'x')));
      return performance.now() - start;
    };
    const [busy] = await Promise.all([publishMany(device('acme')), publishMany(device('acme'))]);
    const second = await publishMany(device('acme'));
    const quiet = await publishMany(device('other'));
    expect(Math.max(busy, second)).toBeGreaterThan(300);
    expect(quiet).toBeLessThan(300);
    expect(refusals(test, 'rate.org')).toBeGreaterThan(0);
    expect(refusals(test, 'rate.device')).toBe(0);
  });

  it.each([
    ['the retained flag where the contract has none', HEARTBEAT, 10, 'publish.retained_limit' as const],
    ['more than 4 KiB retained', PRESENCE, 5000, 'publish.retained_limit' as const],
  ])('with %s end the connection', async (_name, topic, bytes, reason) => {
    await using test = await started();
    const client = await test.connect(test.keysFor(own));
    expect(await client.publish(topic, Buffer.alloc(bytes), { retain: true })).toBe('closed');
    expect(refusals(test, reason)).toBe(1);
  });

  it('retained on a retained channel reach a later subscriber', async () => {
    await using test = await started();
    const client = await test.connect(test.keysFor(own));
    expect(await client.publish(PRESENCE, 'hello', { retain: true })).toBe('acked');
    const reader = await test.connect(test.keysFor(integrator('acme')));
    await reader.subscribe('edge/v1/acme/#');
    expect(await reader.next('publish')).toMatchObject({ topic: PRESENCE, retain: true });
    const stranger = await test.connect(test.keysFor(integrator('other')));
    expect(await stranger.subscribe('edge/v1/other/#', 'edge/v1/acme/#')).toEqual([1, 128]);
    await stranger.ping();
    expect(stranger.packets.filter(({ cmd }) => cmd === 'publish')).toEqual([]);
  });
});

describe('filters', () => {
  it('are at most 16 per client, and are free again when given back', async () => {
    await using test = await started();
    const client = await test.connect(test.keysFor(integrator('acme')));
    const filters = Array.from({ length: 17 }, (_, number) => `edge/v1/acme/${uuid(number)}/up/#`);
    for (const filter of filters.slice(0, 16)) expect(await client.subscribe(filter)).toEqual([1]);
    expect(await client.subscribe(filters[16] ?? '')).toEqual([128]);
    expect(refusals(test, 'subscribe.limit')).toBe(1);
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: [filters[0] ?? ''] });
    await client.next('unsuback');
    expect(await client.subscribe(filters[16] ?? '')).toEqual([1]);
  });

  it('in one packet are at most 16 too', async () => {
    await using test = await started();
    const client = await test.connect(test.keysFor(own));
    expect(await client.subscribe(...Array.from({ length: 17 }, (_, number) => `x${number}`))).toBe('closed');
    expect(refusals(test, 'subscribe.limit')).toBe(1);
  });
});

describe('a session that is restored', () => {
  it('hands over nothing that was refused in a mixed SUBSCRIBE before it', async () => {
    await using test = await started({ persistentServiceSessions: true });
    const keys = test.keysFor(service('tools'));
    const first = await test.connect(keys, { clientId: keys.clientId, clean: false });
    expect(await first.subscribe(HEARTBEAT, '$SYS/#', '#', '+/+/+/disconnect/clients')).toEqual([
      1, 128, 128, 128,
    ]);
    await first.disconnect();
    await test.controlPlane.publish(HEARTBEAT, 'while away');
    const second = await test.open(keys);
    expect(await second.connect({ clientId: keys.clientId, clean: false })).toBe(0);
    // The engine tells of every client that comes, on topics that the refused filters match.
    await test.connect(test.keysFor(device('acme')));
    await test.controlPlane.publish(HEARTBEAT, 'live');
    await eventually('both', () => second.packets.filter(({ cmd }) => cmd === 'publish').length >= 2);
    await second.ping();
    const topics = second.packets.flatMap((packet) => (packet.cmd === 'publish' ? [packet.topic] : []));
    expect(new Set(topics)).toEqual(new Set([HEARTBEAT]));
  });
});

describe('connections', () => {
  it('that never speak TLS take no place for long, and from one address only so many', async () => {
    await using test = await started({ maxHandshakesPerAddress: 3, handshakeTimeoutMs: 300 });
    const sockets = await Promise.all(Array.from({ length: 6 }, () => openTcp(test.broker.port)));
    await eventually('three closed at once', () => sockets.filter(({ destroyed }) => destroyed).length >= 3);
    expect(refusals(test, 'connections.limit')).toBe(3);
    await eventually('all closed', () => sockets.every(({ destroyed }) => destroyed));
    await test.connect(test.keysFor(own));
    await eventually('none left', () => test.broker.metrics().connections === 2);
  });

  it('are at most so many over all, and their places come back', async () => {
    await using test = await started({ maxConnections: 3 });
    const first = await test.connect(test.keysFor(own));
    await test.connect(test.keysFor(device('acme')));
    await expect(test.open(test.keysFor(device('acme')))).rejects.toThrow();
    await first.disconnect();
    await eventually('a free place', () => test.broker.metrics().connections === 2);
    await test.connect(test.keysFor(device('acme')));
  });
});

describe('stop', () => {
  it('hangs up on everybody without their wills and frees the port', async () => {
    const test = await started();
    const keys = test.keysFor(own);
    await test.controlPlane.subscribe(PRESENCE);
    const client = await test.connect(keys, { clientId: keys.clientId, will: will(PRESENCE) });
    await test.broker.stop();
    await Promise.all([client.closed(), test.controlPlane.closed()]);
    expect(test.controlPlane.packets.filter(({ cmd }) => cmd === 'publish')).toEqual([]);
    await test.broker.stop();
    const next = await startTestBroker({ port: test.broker.port });
    expect(next.broker.port).toBe(test.broker.port);
    await next.stop();
    await test.stop();
  });

  it('is refused a port in use, with the code of the system', async () => {
    await using test = await started();
    await expect(startTestBroker({ port: test.broker.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

function will(topic: string) {
  return { topic, payload: Buffer.alloc(10), qos: 1 as const, retain: false };
}

const uuid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

function openTcp(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
    socket.resume();
  });
}
