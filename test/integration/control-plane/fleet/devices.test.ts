/** Devices as admins see and change them, with a second organisation that must see nothing. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCsr, createKeyPair } from '#certs';
import { decodeValue } from '#contract';
import type { Device } from '#db';
import { DeviceDetail, ImportResult, PresenceEventView } from '#web-api';
import { decidePresence } from '../../../../control-plane/presence/presence.ts';
import { auditOf, type Installation, originOf, startInstallation, until } from '../access/installation.ts';

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation?.stop());

const newDevice = (orgId: string, name: string, type: Device['type'] = 'gateway') =>
  installation.database.devices.create(orgId, { name, type, hardwareId: `hw-${name}-${randomUUID()}` });

/** A device that came in by the real way, so that it has a certificate. @returns its id */
async function enrolledDevice(name: string): Promise<string> {
  const { controlPlane, acmeAdmin, acme } = installation;
  const { token } = await controlPlane.enrollment.createToken(acmeAdmin, { organization_id: acme.id });
  const reply = await controlPlane.enrollment.register(
    {
      device_name: name,
      device_type: 'gateway',
      hardware_id: `hw-${name}`,
      firmware_version: '1.0.0',
      registration_token: token,
      csr: createCsr(createKeyPair().privateKeyPem),
    },
    originOf('203.0.113.1'),
  );
  return reply.device_id;
}

async function goOnline(deviceId: string): Promise<void> {
  await installation.database.transaction(async ({ presence }) => {
    const [state] = await presence.lock([{ org: 'acme', device: deviceId }]);
    if (state === undefined) throw new Error('device has no presence');
    const { next, change } = decidePresence(state, { kind: 'hello', epoch: 7 }, new Date());
    await presence.save([next]);
    if (change !== null) await presence.appendChanges([change]);
  });
}

describe('list and summary', () => {
  it('span the organisations of the caller, filtered', async () => {
    const { controlPlane, acme, globex, acmeMember, globexAdmin, systemAdmin } = installation;
    await newDevice(acme.id, 'listed-a');
    await newDevice(acme.id, 'listed-b', 'custom');
    await newDevice(globex.id, 'listed-c');
    const names = async (person: typeof acmeMember, query: Parameters<typeof controlPlane.fleet.list>[1]) =>
      (await controlPlane.fleet.list(person, { search: 'listed', ...query })).items.map(
        (item) => item.device_name,
      );
    expect(await names(acmeMember, { sort: 'device_name' })).toEqual(['listed-a', 'listed-b']);
    expect(await names(acmeMember, { sort: '-device_name' })).toEqual(['listed-b', 'listed-a']);
    expect(await names(acmeMember, { type: 'custom' })).toEqual(['listed-b']);
    expect(await names(globexAdmin, {})).toEqual(['listed-c']);
    expect(await names(systemAdmin, { sort: 'device_name' })).toEqual(['listed-a', 'listed-b', 'listed-c']);
    expect(await names(systemAdmin, { org_id: globex.id })).toEqual(['listed-c']);

    const summary = await controlPlane.fleet.summary(globexAdmin, {});
    expect(summary).toMatchObject({ total: 1, by_status: { never_seen: 1 }, by_type: { gateway: 1 } });
  });
});

describe('get', () => {
  it('shows everything about a device to a member', async () => {
    const { controlPlane, acmeMember } = installation;
    const deviceId = await enrolledDevice('shown');
    const detail = await controlPlane.fleet.get(acmeMember, deviceId);
    expect(decodeValue(DeviceDetail, detail)).toMatchObject({ ok: true });
    expect(detail).toMatchObject({
      device_name: 'shown',
      firmware_version: '1.0.0',
      ip_address: '203.0.113.1',
      status: 'never_seen',
      current_config: { config_version: 0 },
      certificates: [{ state: 'pending' }],
    });
  });

  it('hides a foreign device as if it did not exist', async () => {
    const { controlPlane, acme, globexAdmin } = installation;
    const { id } = await newDevice(acme.id, 'hidden');
    const { fleet } = controlPlane;
    for (const deviceId of [id, randomUUID()]) {
      const code = 'device.not_found';
      await expect(fleet.get(globexAdmin, deviceId)).rejects.toMatchObject({ code });
      await expect(fleet.presence(globexAdmin, deviceId, {})).rejects.toMatchObject({ code });
      await expect(fleet.update(globexAdmin, deviceId, { tags: [] })).rejects.toMatchObject({ code });
      await expect(fleet.delete(globexAdmin, deviceId)).rejects.toMatchObject({ code });
      await expect(fleet.revoke(globexAdmin, deviceId, { reason: 'x' })).rejects.toMatchObject({ code });
    }
    const rows = await auditOf(installation.database, { object: `device:${id}` });
    expect(rows.map(({ action, orgId, outcome }) => [action, orgId, outcome])).toEqual([
      ['device.revoke', null, 'refused'],
      ['device.delete', null, 'refused'],
      ['device.update', null, 'refused'],
    ]);
  });
});

describe('update', () => {
  it('changes what is given, tells the console and keeps before and after', async () => {
    const { controlPlane, acme, acmeAdmin, database, liveEvents } = installation;
    const { id } = await newDevice(acme.id, 'old name');
    const body = { device_name: 'new name', status: 'maintenance', tags: ['floor=2'] } as const;
    const view = await controlPlane.fleet.update(acmeAdmin, id, { ...body, tags: [...body.tags] });
    expect(view).toMatchObject({ device_name: 'new name', status: 'maintenance', intent: 'maintenance' });
    expect(await auditOf(database, { object: `device:${id}` })).toMatchObject([
      {
        action: 'device.update',
        outcome: 'success',
        orgId: acme.id,
        detail: {
          before: { name: 'old name', intent: 'active', tags: [] },
          after: { name: 'new name', intent: 'maintenance', tags: ['floor=2'] },
        },
      },
    ]);
    await until(
      () => liveEvents.some((event) => event.kind === 'device.changed' && event.status === 'maintenance'),
      'the live event',
    );
    expect(await controlPlane.fleet.update(acmeAdmin, id, { status: 'online' })).toMatchObject({
      intent: 'active',
      status: 'never_seen',
    });
  });

  it('refuses a name that another device of the organisation has, and changes nothing', async () => {
    const { controlPlane, acme, globex, acmeAdmin, globexAdmin } = installation;
    await newDevice(acme.id, 'taken');
    const { id } = await newDevice(acme.id, 'free');
    await expect(
      controlPlane.fleet.update(acmeAdmin, id, { device_name: 'taken', tags: ['x'] }),
    ).rejects.toMatchObject({ code: 'device.name_taken' });
    expect(await controlPlane.fleet.get(acmeAdmin, id)).toMatchObject({ device_name: 'free', tags: [] });
    const elsewhere = await newDevice(globex.id, 'elsewhere');
    const view = await controlPlane.fleet.update(globexAdmin, elsewhere.id, { device_name: 'taken' });
    expect(view.device_name).toBe('taken');
  });

  it('is forbidden to members, who leave a row in the log of their organisation', async () => {
    const { controlPlane, acme, acmeMember, database } = installation;
    const { id } = await newDevice(acme.id, 'untouched');
    const { fleet } = controlPlane;
    const code = 'auth.forbidden';
    await expect(fleet.update(acmeMember, id, { tags: [] })).rejects.toMatchObject({ code });
    await expect(fleet.delete(acmeMember, id)).rejects.toMatchObject({ code });
    await expect(fleet.revoke(acmeMember, id, { reason: 'x' })).rejects.toMatchObject({ code });
    const rows = await auditOf(database, { object: `device:${id}` });
    expect(rows).toHaveLength(3);
    expect(rows.every(({ orgId, outcome }) => orgId === acme.id && outcome === 'refused')).toBe(true);
  });
});

describe('revoke and delete', () => {
  it('revoke the certificates, tell brokers and console, and set the device offline', async () => {
    const { controlPlane, acmeAdmin, liveEvents, revokedSerials } = installation;
    const deviceId = await enrolledDevice('revoked');
    await goOnline(deviceId);
    const [certificate] = (await controlPlane.fleet.get(acmeAdmin, deviceId)).certificates;
    expect(await controlPlane.fleet.revoke(acmeAdmin, deviceId, { reason: 'stolen' })).toEqual({
      revoked: 1,
    });

    const detail = await controlPlane.fleet.get(acmeAdmin, deviceId);
    expect(detail).toMatchObject({
      status: 'offline',
      certificates: [{ state: 'revoked', revocation_reason: 'stolen' }],
    });
    await until(() => revokedSerials.includes(certificate?.serial ?? '-'), 'the word to the brokers');
    await until(
      () => liveEvents.some((event) => event.kind === 'device.changed' && event.status === 'offline'),
      'the live event',
    );
    const { items } = await controlPlane.fleet.presence(acmeAdmin, deviceId, {});
    expect(items.map(({ to, reason }) => [to, reason])).toEqual([
      ['offline', 'revoked'],
      ['online', 'hello'],
    ]);
    expect(decodeValue(PresenceEventView, items[0])).toMatchObject({ ok: true });
    expect(await controlPlane.fleet.revoke(acmeAdmin, deviceId, { reason: 'again' })).toEqual({ revoked: 0 });
  });

  it('delete leaves nothing but the revocation and the audit row', async () => {
    const { controlPlane, acme, acmeAdmin, database, liveEvents, revokedSerials } = installation;
    const deviceId = await enrolledDevice('deleted');
    await goOnline(deviceId);
    const serial = (await controlPlane.fleet.get(acmeAdmin, deviceId)).certificates[0]?.serial ?? '-';
    await controlPlane.fleet.delete(acmeAdmin, deviceId);
    await expect(controlPlane.fleet.get(acmeAdmin, deviceId)).rejects.toMatchObject({
      code: 'device.not_found',
    });
    expect((await database.certificates.revoked(new Date())).map((row) => row.serial)).toContain(serial);
    await until(() => revokedSerials.includes(serial), 'the word to the brokers');
    await until(
      () => liveEvents.some((event) => event.kind === 'device.deleted' && event.device_id === deviceId),
      'the live event',
    );
    const rows = await auditOf(database, { object: `device:${deviceId}` });
    expect(rows.filter(({ action }) => action === 'device.delete')).toMatchObject([
      { outcome: 'success', orgId: acme.id, detail: { name: 'deleted', revoked: [serial] } },
    ]);
  });

  it('one of two parallel deletes wins, and both leave one row', async () => {
    const { controlPlane, acmeAdmin, database } = installation;
    const deviceId = await enrolledDevice('deleted-twice');
    const results = await Promise.allSettled(
      [1, 2].map(() => controlPlane.fleet.delete(acmeAdmin, deviceId)),
    );
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const rows = await auditOf(database, { object: `device:${deviceId}` });
    expect(
      rows
        .filter(({ action }) => action === 'device.delete')
        .map(({ outcome }) => outcome)
        .toSorted(),
    ).toEqual(['refused', 'success']);
  });
});

describe('import', () => {
  const row = (name: string) => ({ device_name: name, device_type: 'gateway', hardware_id: `hw-${name}` });

  it('keeps good rows and names what is wrong with the others', async () => {
    const { controlPlane, acme, globex, acmeAdmin, database } = installation;
    const known = await newDevice(globex.id, 'elsewhere-known');
    const devices = [
      row('import-1'),
      { ...row('import-2'), device_type: 'toaster' },
      { ...row('import-3'), hardware_id: known.hardwareId },
      row('import-1'),
      { ...row('import-4'), tags: ['line=4'] },
    ];
    const dry = await controlPlane.fleet.import(acmeAdmin, {
      organization_id: acme.id,
      dry_run: true,
      devices,
    });
    expect(dry).toMatchObject({ created: 2, failed: 3 });
    expect((await controlPlane.fleet.list(acmeAdmin, { search: 'import-' })).total).toBe(0);

    const result = await controlPlane.fleet.import(acmeAdmin, { organization_id: acme.id, devices });
    expect(decodeValue(ImportResult, result)).toMatchObject({ ok: true });
    expect(result.rows.map(({ error }) => error)).toEqual(dry.rows.map(({ error }) => error));
    expect(result.rows.map(({ ok, error }) => error ?? ok)).toEqual([
      true,
      'request.invalid',
      'enrollment.hardware_known',
      'enrollment.hardware_known',
      true,
    ]);
    const { items } = await controlPlane.fleet.list(acmeAdmin, { search: 'import-', sort: 'device_name' });
    expect(items).toMatchObject([
      { device_name: 'import-1', status: 'never_seen' },
      { device_name: 'import-4', tags: ['line=4'] },
    ]);
    const rows = await auditOf(database, { object: `organization:${acme.id}` });
    expect(rows.filter(({ action }) => action === 'device.import')).toMatchObject([
      { outcome: 'success', detail: { created: 2, failed: 3 } },
    ]);
  });

  it('is for admins of the organisation', async () => {
    const { controlPlane, acme, acmeMember, globexAdmin } = installation;
    const body = { organization_id: acme.id, devices: [row('import-x')] };
    await expect(controlPlane.fleet.import(acmeMember, body)).rejects.toMatchObject({
      code: 'auth.forbidden',
    });
    await expect(controlPlane.fleet.import(globexAdmin, body)).rejects.toMatchObject({
      code: 'organization.not_found',
    });
  });
});

describe('refusals and live scope', () => {
  it('show each organisation its own', async () => {
    const { controlPlane, acme, globex, acmeMember, globexAdmin, systemAdmin, database } = installation;
    const refusals = [
      { org: 'acme', device: null, reason: 'publish.topic', detail: 'edge/v1/globex/#', count: 3 },
      { org: null, device: null, reason: 'identity.unknown', detail: '', count: 1 },
    ] as const;
    await database.refusals.append({ refusals: [...refusals] }, new Date());
    const reasons = async (person: typeof acmeMember) =>
      (await controlPlane.fleet.listRefusals(person, {})).items.map(
        ({ reason, count }) => `${reason} ${count}`,
      );
    expect(await reasons(acmeMember)).toEqual(['publish.topic 3']);
    expect(await reasons(globexAdmin)).toEqual([]);
    expect((await reasons(systemAdmin)).toSorted()).toEqual(['identity.unknown 1', 'publish.topic 3']);

    const seenBy = async (person: typeof acmeMember, orgId?: string) => {
      const filter = await controlPlane.fleet.liveFilter(person, orgId);
      const at = new Date(0).toISOString();
      return [acme.id, globex.id].map(
        (id) => filter({ kind: 'device.created', organization_id: id, device_id: id, at }) !== null,
      );
    };
    expect(await seenBy(acmeMember)).toEqual([true, false]);
    expect(await seenBy(systemAdmin)).toEqual([true, true]);
    expect(await seenBy(systemAdmin, acme.id)).toEqual([true, false]);
  });
});

describe('while heartbeats come in', () => {
  it('revoking, deleting and renaming never deadlock', async () => {
    const { controlPlane, acmeAdmin, database } = installation;
    const ids = await Promise.all([1, 2, 3, 4].map((index) => enrolledDevice(`busy-${index}`)));
    const addresses = ids.map((device) => ({ org: 'acme', device }));
    let isOver = false;
    const beats = async () => {
      for (let beat = 0; !isOver; beat += 1) {
        await database.transaction(async ({ presence }) => {
          const states = await presence.lock(addresses);
          const event = { kind: 'heartbeat', via: 'https', epoch: null } as const;
          const status = beat % 2 === 0 ? 'online' : 'degraded';
          const now = new Date();
          await presence.save(states.map((state) => decidePresence(state, { ...event, status }, now).next));
        });
      }
    };
    const ingest = Promise.all([beats(), beats()]);
    try {
      for (const id of ids) {
        await controlPlane.fleet.update(acmeAdmin, id, { device_name: `renamed-${id}` });
        await controlPlane.fleet.revoke(acmeAdmin, id, { reason: 'test' });
        await controlPlane.fleet.delete(acmeAdmin, id);
      }
    } finally {
      isOver = true;
      await ingest;
    }
    expect((await controlPlane.fleet.list(acmeAdmin, { search: 'renamed-' })).total).toBe(0);
  });
});
