/** Tokens, certificates and integrators. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { makeWorld, newCertificate, newDevice, type World } from './world.ts';

let test: TestDatabase;
let world: World;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());
beforeEach(async () => {
  world = await makeWorld(test.database);
});

const now = new Date('2026-11-23T10:00:00Z');
const newToken = (changes: { tokenHash?: string; maxUses?: number } = {}) => ({
  ...{
    tokenHash: randomUUID(),
    prefix: 'edge_abc',
    name: 'rack 7',
    deviceType: null,
    tags: ['lab'],
    maxUses: 1,
  },
  ...{ expiresAt: new Date('2026-12-01T00:00:00Z'), replacesDeviceId: null, createdBy: 'ann@example.org' },
  ...changes,
});
const useOf = (deviceId: string) => ({ deviceId, hardwareId: 'hw', keyThumbprint: 'key', at: now });

describe('registration tokens', () => {
  it('are found and revoked by their own organisation alone', async () => {
    const { tokens } = test.database;
    const token = await tokens.create(world.ours.id, newToken());
    expect(token).toMatchObject({
      orgSlug: world.ours.slug,
      uses: 0,
      tags: ['lab'],
      lastDevice: null,
      revokedAt: null,
    });
    expect(await tokens.find(world.theirs.id, token.id)).toBeNull();
    expect(await tokens.revoke(world.theirs.id, token.id, now)).toBe(false);
    expect(await tokens.list(world.theirs.id, { limit: 10 })).toMatchObject({ total: 0, items: [] });
    expect(await tokens.list([world.ours.id], { limit: 10 })).toMatchObject({ total: 1, items: [token] });
    expect(await tokens.revoke(world.ours.id, token.id, now)).toBe(true);
    expect(await tokens.revoke(world.ours.id, token.id, now)).toBe(false);
    expect(await tokens.find(null, token.id)).toMatchObject({ revokedAt: now });
  });

  it('are listed newest first, page after page', async () => {
    const { tokens } = test.database;
    const made = [];
    for (let index = 0; index < 5; index += 1) made.push((await tokens.create(world.ours.id, newToken())).id);
    const first = await tokens.list(world.ours.id, { limit: 3 });
    const second = await tokens.list(world.ours.id, { limit: 3, cursor: first.nextCursor ?? '' });
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(made.toReversed());
    expect(second.nextCursor).toBeNull();
  });

  it('remember who used them, and show the last device', async () => {
    const { tokens, devices } = test.database;
    const token = await tokens.create(world.ours.id, newToken({ maxUses: 5 }));
    const device = await devices.create(world.ours.id, newDevice());
    await tokens.recordUse(token.id, useOf(device.id));
    expect(await tokens.findUse(token.id, 'hw', 'key')).toEqual({ deviceId: device.id });
    expect(await tokens.findUse(token.id, 'hw', 'other key')).toBeNull();
    expect(await tokens.find(world.ours.id, token.id)).toMatchObject({
      uses: 1,
      lastDevice: { id: device.id, name: device.name, status: 'never_seen' },
    });
    await devices.delete(world.ours.id, device.id);
    expect(await tokens.findUse(token.id, 'hw', 'key')).toBeNull();
    expect(await tokens.find(world.ours.id, token.id)).toMatchObject({ uses: 1, lastDevice: null });
    // The same hardware and key may come again after the deletion, and that is another use.
    const again = await devices.create(world.ours.id, newDevice());
    await tokens.recordUse(token.id, useOf(again.id));
    expect(await tokens.find(null, token.id)).toMatchObject({ uses: 2, lastDevice: { id: again.id } });
  });

  it('with one use give exactly one of 50 parallel claims a device', async () => {
    const { database } = test;
    const { tokenHash, ...rest } = newToken();
    await database.tokens.create(world.ours.id, { tokenHash, ...rest });
    const claim = (_: unknown, index: number) =>
      database.transaction(async ({ tokens, devices }) => {
        const token = await tokens.lockByHash(tokenHash);
        if (token === null || token.uses >= token.maxUses) return 'refused';
        const device = await devices.create(token.orgId, newDevice());
        await tokens.recordUse(token.id, { ...useOf(device.id), hardwareId: `hw-${index}` });
        return 'enrolled';
      });
    const outcomes = await Promise.all(Array.from({ length: 50 }, claim));
    expect(outcomes.filter((outcome) => outcome === 'enrolled')).toHaveLength(1);
    expect(await database.devices.summary(world.ours.id)).toMatchObject({ total: 1 });
  });

  it('refuse one use too many even when nobody looked', async () => {
    const { tokens, devices } = test.database;
    const token = await tokens.create(world.ours.id, newToken());
    const device = await devices.create(world.ours.id, newDevice());
    await tokens.recordUse(token.id, useOf(device.id));
    const second = tokens.recordUse(token.id, { ...useOf(device.id), keyThumbprint: 'second' });
    await expect(second).rejects.toMatchObject({ code: '23514' });
    expect(await tokens.findUse(token.id, 'hw', 'second')).toBeNull();
  });

  it('are unknown by any other hash', async () => {
    expect(await test.database.tokens.lockByHash('unknown')).toBeNull();
  });
});

describe('certificates', () => {
  const held = async () => {
    const device = await test.database.devices.create(world.ours.id, newDevice());
    return { device, holder: { orgId: world.ours.id, deviceId: device.id } };
  };

  it('become active once, and supersede the older one of their holder', async () => {
    const { certificates } = test.database;
    const { device, holder } = await held();
    const [first, second] = [newCertificate(holder), newCertificate(holder)];
    await certificates.add(first);
    expect(await certificates.activate(first.serial)).toBe(true);
    expect(await certificates.activate(first.serial)).toBe(false);
    await certificates.add(second);
    expect(await certificates.activate(second.serial)).toBe(true);
    const states = await certificates.ofDevice(world.ours.id, device.id);
    expect(states.map(({ serial, state }) => [serial, state])).toEqual([
      [second.serial, 'active'],
      [first.serial, 'superseded'],
    ]);
    expect(await certificates.activate('00')).toBe(false);
    await expect(certificates.add(first)).rejects.toMatchObject({ code: 'conflict', field: 'serial' });
  });

  it('of another organisation are neither shown nor revoked', async () => {
    const { certificates } = test.database;
    const { device, holder } = await held();
    const certificate = newCertificate(holder);
    await certificates.add(certificate);
    expect(await certificates.ofDevice(world.theirs.id, device.id)).toEqual([]);
    expect(await certificates.revokeOfDevice(world.theirs.id, device.id, 'stolen', now)).toEqual([]);
    expect(await certificates.findBySerial(certificate.serial)).toMatchObject({ state: 'pending' });
  });

  it('stay on the revocation list after the device is gone, until they expire', async () => {
    const { certificates, devices } = test.database;
    const { device, holder } = await held();
    const valid = newCertificate(holder);
    const expired = newCertificate(holder, { notAfter: new Date('2026-11-20T00:00:00Z') });
    await certificates.add(valid);
    await certificates.add(expired);
    const revoked = await certificates.revokeOfDevice(world.ours.id, device.id, 'deleted', now);
    expect(revoked.toSorted()).toEqual([valid.serial, expired.serial].toSorted());
    expect(await certificates.revokeOfDevice(world.ours.id, device.id, 'again', now)).toEqual([]);
    await devices.delete(world.ours.id, device.id);
    const listed = (await certificates.revoked(now)).filter(({ serial }) => revoked.includes(serial));
    expect(listed).toMatchObject([{ serial: valid.serial, revokedAt: now, reason: 'deleted' }]);
    expect(await certificates.findBySerial(valid.serial)).toMatchObject({
      deviceId: null,
      orgId: world.ours.id,
    });
  });

  it('of a device that is heard and names none are in use: the newest one, unless another is active', async () => {
    const { certificates, presence } = test.database;
    const { device, holder } = await held();
    const [older, newer] = [newCertificate(holder), newCertificate(holder)];
    await certificates.add(older);
    await certificates.add(newer);
    await certificates.activateHeard();
    expect(await certificates.findBySerial(newer.serial)).toMatchObject({ state: 'pending' });
    const heartbeat = { status: 'online', uptime: 1 } as const;
    await presence.saveHeartbeats([
      { deviceId: device.id, receivedAt: new Date(Date.now() + 1000), heartbeat },
    ]);
    expect(await certificates.activateHeard()).toBe(1);
    expect(await certificates.findBySerial(newer.serial)).toMatchObject({ state: 'active' });
    expect(await certificates.activateHeard()).toBe(0);
    const stale = await certificates.revokeStalePending(new Date(Date.now() + 60_000), now);
    expect(stale).not.toContain(older.serial);
  });

  it('that nobody used are revoked after a while', async () => {
    const { certificates } = test.database;
    const { holder } = await held();
    const [unused, used] = [newCertificate(holder), newCertificate(holder)];
    await certificates.add(unused);
    await certificates.add(used);
    await certificates.activate(used.serial);
    expect(await certificates.revokeStalePending(new Date(Date.now() - 60_000), now)).toEqual([]);
    const stale = await certificates.revokeStalePending(new Date(Date.now() + 60_000), now);
    expect(stale).toContain(unused.serial);
    expect(stale).not.toContain(used.serial);
  });
});

describe('integrators', () => {
  it('belong to one organisation, by a name of its own', async () => {
    const { integrators, certificates } = test.database;
    const made = await integrators.create(world.ours.id, 'grafana');
    await expect(integrators.create(world.ours.id, 'grafana')).rejects.toMatchObject({
      code: 'conflict',
      field: 'name',
    });
    await integrators.create(world.theirs.id, 'grafana');
    expect(await integrators.list(world.ours.id, { limit: 10 })).toMatchObject({ total: 1, items: [made] });
    expect(await integrators.find(world.theirs.id, made.id)).toBeNull();
    expect(await integrators.delete(world.theirs.id, made.id)).toBe(false);

    const certificate = newCertificate({ orgId: world.ours.id, integratorId: made.id });
    await certificates.add(certificate);
    expect(await certificates.ofIntegrator(world.theirs.id, made.id)).toEqual([]);
    expect(await certificates.ofIntegrator(world.ours.id, made.id)).toHaveLength(1);
    expect(await certificates.revokeOfIntegrator(world.theirs.id, made.id, 'x', now)).toEqual([]);
    expect(await certificates.revokeOfIntegrator(world.ours.id, made.id, 'x', now)).toEqual([
      certificate.serial,
    ]);
    expect(await integrators.delete(world.ours.id, made.id)).toBe(true);
    expect(await integrators.find(null, made.id)).toBeNull();
    expect(await certificates.findBySerial(certificate.serial)).toMatchObject({
      integratorId: null,
      state: 'revoked',
    });
  });
});
