/** Presence rows, heartbeats and the timeline. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Heartbeat } from '#contract';
import type { Device, PresenceState } from '#db';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { addressOf, makeWorld, newDevice, type World } from './world.ts';

let test: TestDatabase;
let world: World;
let device: Device;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());
beforeEach(async () => {
  world = await makeWorld(test.database);
  device = await test.database.devices.create(world.ours.id, newDevice());
});

const at = (seconds: number): Date => new Date(Date.parse('2026-11-23T10:00:00Z') + seconds * 1000);
const beat = (changes: Partial<Heartbeat> = {}): Heartbeat => ({ status: 'online', uptime: 60, ...changes });

async function stateOf(which: Device): Promise<PresenceState> {
  const [state] = await test.database.presence.lock([addressOf(which)]);
  if (state === undefined) throw new Error('no presence row');
  return state;
}
const online = async (which: Device, since: Date, lastHeartbeatAt: Date | null): Promise<PresenceState> => ({
  ...(await stateOf(which)),
  ...{ observation: 'online', since, connected: true, sessionEpoch: 7, lastHeartbeatAt },
});

describe('presence rows', () => {
  it('exist from the start, for devices under their own organisation alone, each once', async () => {
    const { presence } = test.database;
    const own = addressOf(device);
    const foreign = { org: world.theirs.slug, device: device.id };
    const rows = await presence.lock([own, own, foreign, { org: own.org, device: 'no-uuid' }]);
    expect(rows).toEqual([
      {
        ...{ deviceId: device.id, orgId: world.ours.id, orgSlug: world.ours.slug, observation: 'never_seen' },
        ...{ since: null, sessionEpoch: 0, connected: false, lastHeartbeatAt: null, goodbyeReason: null },
        intent: 'active',
      },
    ]);
  });

  it('are saved in one batch, and carry the observation to the device', async () => {
    const { presence, devices } = test.database;
    const other = await devices.create(world.ours.id, newDevice());
    const states = [await online(device, at(0), at(1)), await online(other, at(0), null)];
    await presence.save(states);
    expect(await stateOf(device)).toEqual(states[0]);
    expect(await devices.find(null, device.id)).toMatchObject({ status: 'online', lastSeen: at(1) });
    expect(await devices.find(null, other.id)).toMatchObject({ status: 'online', lastSeen: null });
    // A late, older heartbeat time never turns the clock back.
    await presence.save([await online(device, at(0), at(-60))]);
    expect(await stateOf(device)).toMatchObject({ lastHeartbeatAt: at(1) });
  });

  it('cannot be saved under another organisation', async () => {
    await test.database.presence.save([{ ...(await online(device, at(0), at(0))), orgId: world.theirs.id }]);
    expect(await stateOf(device)).toMatchObject({ observation: 'never_seen' });
    expect(await test.database.devices.find(null, device.id)).toMatchObject({ status: 'never_seen' });
  });

  it('are locked in id order, so that crossing batches queue and never deadlock', async () => {
    const { database } = test;
    const others = await Promise.all(
      Array.from({ length: 20 }, () => database.devices.create(world.ours.id, newDevice())),
    );
    const addresses = others.map(addressOf);
    const rounds = Array.from({ length: 12 }, (_, round) =>
      database.transaction(async ({ presence }) => {
        const states = await presence.lock(round % 2 === 0 ? addresses : addresses.toReversed());
        await presence.save(states.map((state) => ({ ...state, sessionEpoch: state.sessionEpoch + 1 })));
      }),
    );
    await Promise.all(rounds);
    const epochs = (await database.presence.lock(addresses)).map(({ sessionEpoch }) => sessionEpoch);
    expect(epochs).toEqual(Array(20).fill(12));
  });

  it('hold off the deletion of their device until the batch is through', async () => {
    const { database } = test;
    const locked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const batch = database.transaction(async ({ presence }) => {
      const [state] = await presence.lock([addressOf(device)]);
      locked.resolve();
      await release.promise;
      if (state !== undefined) await presence.save([{ ...state, observation: 'online', since: at(0) }]);
    });
    await locked.promise;
    let deleted = false;
    const deletion = database.devices.delete(device.orgId, device.id).then((done) => {
      deleted = done;
    });
    await Promise.race([deletion, sleep(100)]);
    expect(deleted).toBe(false);
    release.resolve();
    await Promise.all([batch, deletion]);
    expect(deleted).toBe(true);
  });
});

describe('heartbeats', () => {
  it('replace the last body and keep facts until new ones come', async () => {
    const { presence, devices } = test.database;
    await presence.saveHeartbeats([
      {
        deviceId: device.id,
        receivedAt: at(0),
        heartbeat: beat({ facts: { os: 'Debian' }, firmware_version: '1.0' }),
      },
    ]);
    const second = beat({ uptime: 90, agent_version: '0.2.0', metrics: { cpu_percent: 4.5 } });
    await presence.saveHeartbeats([{ deviceId: device.id, receivedAt: at(30), heartbeat: second }]);
    const snapshot = await presence.snapshot(world.ours.id, device.id);
    expect(snapshot).toMatchObject({ heartbeat: second, facts: { os: 'Debian' }, lastHeartbeatAt: at(30) });
    expect(await devices.find(null, device.id)).toMatchObject({
      firmwareVersion: '1.0',
      agentVersion: '0.2.0',
    });
    expect(await presence.snapshot(world.theirs.id, device.id)).toBeNull();
  });

  it('keep the newest of a batch, and the facts of an older one in it', async () => {
    const { presence } = test.database;
    await presence.saveHeartbeats([
      { deviceId: device.id, receivedAt: at(60), heartbeat: beat({ uptime: 3 }) },
      { deviceId: device.id, receivedAt: at(0), heartbeat: beat({ uptime: 1, facts: { arch: 'arm64' } }) },
      { deviceId: device.id, receivedAt: at(30), heartbeat: beat({ uptime: 2 }) },
    ]);
    await presence.saveHeartbeats([
      { deviceId: device.id, receivedAt: at(10), heartbeat: beat({ uptime: 99 }) },
    ]);
    expect(await presence.snapshot(world.ours.id, device.id)).toMatchObject({
      heartbeat: { uptime: 3 },
      facts: { arch: 'arm64' },
      lastHeartbeatAt: at(60),
    });
  });

  it('reach last_seen in one flush, only where they are newer', async () => {
    const { presence, devices } = test.database;
    await presence.flushLastSeen();
    await presence.saveHeartbeats([{ deviceId: device.id, receivedAt: at(0), heartbeat: beat() }]);
    expect(await presence.flushLastSeen()).toBe(1);
    expect(await presence.flushLastSeen()).toBe(0);
    expect(await devices.find(null, device.id)).toMatchObject({ lastSeen: at(0) });
  });
});

describe('silent devices', () => {
  it('are those without a beat since the deadline, unless they have just said hello', async () => {
    const { presence, devices } = test.database;
    const fresh = await devices.create(world.ours.id, newDevice());
    const greeted = await devices.create(world.ours.id, newDevice());
    await presence.save([
      await online(device, at(-600), at(-100)),
      await online(fresh, at(-600), at(-10)),
      await online(greeted, at(-5), at(-3600)),
    ]);
    const silent = await presence.lockSilent(at(-75), 100);
    expect(silent.map(({ deviceId }) => deviceId)).toEqual([device.id]);
    await presence.save([{ ...(await stateOf(device)), observation: 'offline' }]);
    expect(await presence.lockSilent(at(-75), 100)).toEqual([]);
  });

  it('are shared out between processes: a locked one is skipped', async () => {
    const { database } = test;
    await database.presence.save([await online(device, at(-600), at(-100))]);
    await database.transaction(async ({ presence }) => {
      expect(await presence.lockSilent(at(-75), 100)).toHaveLength(1);
      expect(await database.presence.lockSilent(at(-75), 100)).toEqual([]);
    });
  });
});

describe('the presence timeline', () => {
  it('is listed newest first, in a range, by pages, for its own organisation', async () => {
    const { presence } = test.database;
    const change = { deviceId: device.id, orgId: device.orgId, from: 'offline' as const, sessionEpoch: 3 };
    await presence.appendChanges(
      // Two of them at the same instant: the order of arrival decides.
      [0, 10, 10, 20, 30].map((seconds, index) => ({
        ...{ ...change, at: at(seconds), reason: `change ${index}` },
        to: 'online' as const,
      })),
    );
    const all = await presence.events(world.ours.id, device.id, {}, { limit: 10 });
    expect(all.items.map(({ reason }) => reason)).toEqual([4, 3, 2, 1, 0].map((index) => `change ${index}`));
    expect(all.items[0]).toEqual({ ...change, at: at(30), to: 'online', reason: 'change 4' });
    const range = await presence.events(world.ours.id, device.id, { from: at(10), to: at(30) }, { limit: 2 });
    expect(range).toMatchObject({ total: 3, items: [{ reason: 'change 3' }, { reason: 'change 2' }] });
    const rest = await presence.events(
      world.ours.id,
      device.id,
      { from: at(10), to: at(30) },
      { limit: 2, cursor: range.nextCursor ?? '' },
    );
    expect(rest).toMatchObject({ items: [{ reason: 'change 1' }], nextCursor: null });
    expect(await presence.events(world.theirs.id, device.id, {}, { limit: 10 })).toMatchObject({ total: 0 });
  });
});

describe('the fleet at a glance', () => {
  const receivedAt = at(100);
  it('ranks devices by what their last heartbeats said', async () => {
    const { presence, devices } = test.database;
    const other = await devices.create(world.ours.id, newDevice());
    const silent = await devices.create(world.ours.id, newDevice());
    await presence.saveHeartbeats([
      {
        ...{ deviceId: device.id, receivedAt },
        heartbeat: beat({
          ...{ metrics: { cpu_percent: 12.5 }, sent_at: new Date(+receivedAt - 5000).toISOString() },
          outbox: { records: 7, bytes: 700, dropped: 1 },
        }),
      },
      {
        ...{ deviceId: other.id, receivedAt },
        heartbeat: beat({
          ...{ metrics: { cpu_percent: 99 }, sent_at: new Date(+receivedAt + 3000).toISOString() },
          outbox: { records: 0, bytes: 0, dropped: 2 },
        }),
      },
      { deviceId: silent.id, receivedAt: at(0), heartbeat: beat({ metrics: { cpu_percent: 100 } }) },
    ]);
    const top = async (metric: Parameters<typeof presence.top>[1], orgId = world.ours.id, limit = 5) =>
      (await presence.top([orgId], metric, at(50), limit)).map(({ deviceName, value }) => [
        deviceName,
        value,
      ]);
    expect(await top('cpu_percent')).toEqual([
      [other.name, 99],
      [device.name, 12.5],
    ]);
    expect(await top('cpu_percent', world.ours.id, 1)).toEqual([[other.name, 99]]);
    // A clock that is late is as wrong as one that is early.
    expect(await top('clock_skew_ms')).toEqual([
      [device.name, -5000],
      [other.name, 3000],
    ]);
    expect(await top('gpu_percent')).toEqual([]);
    expect(await top('cpu_percent', world.theirs.id)).toEqual([]);
    expect(await presence.outboxTotals([world.ours.id], at(50))).toEqual({
      ...{ devicesWithBacklog: 1, records: 7, bytes: 700, dropped: 3 },
    });
    expect(await presence.outboxTotals([world.theirs.id], at(50))).toEqual({
      ...{ devicesWithBacklog: 0, records: 0, bytes: 0, dropped: 0 },
    });
    expect(await presence.snapshot(world.ours.id, device.id)).toMatchObject({ clockSkewMs: -5000 });
    expect(await presence.snapshot(world.ours.id, silent.id)).toMatchObject({ clockSkewMs: null });
  });
});
