import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningBroker, startBroker } from '#broker';
import { type Authority, openAuthority, readCertificate } from '#certs';
import { createCsr, createKeyPair } from '#certs/csr';
import {
  type Ack,
  DEFAULT_TELEMETRY,
  decodePayload,
  parseTopic,
  type TelemetrySettings,
  topicFor,
} from '#contract';
import { type Database, openDatabase } from '#db';
import { DEFAULT_RETENTION_DAYS } from '#web-api';
import { type DeviceTokens, openDeviceTokens } from '../../../../control-plane/credentials/device-token.ts';
import { revokeDevice } from '../../../../control-plane/fleet/revoke-device.ts';
import { type ControlPlaneService, startControlPlaneService } from '../../../../control-plane/service.ts';
import { SILENT } from '../../../../db/log.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { type DatabaseDoor, openDatabaseDoor } from '../../../support/database-door.ts';
import { type DeviceLink, openDeviceLink } from '../../../support/device-link.ts';
import { type SeededDevice, seedFleet } from '../../../support/seeded-fleet.ts';

let test: TestDatabase;
let door: DatabaseDoor;
let behindDoor: Database;
let dir: string;
let authority: Authority;
let deviceTokens: DeviceTokens;
let broker: RunningBroker;
let service: ControlPlaneService;
const brokerOptions = async (port: number) => ({
  host: '127.0.0.1',
  port,
  tls: await authority.serverCertificate({ name: 'broker', hosts: ['localhost', '127.0.0.1'] }),
  trustPem: authority.trustPem,
  log: SILENT,
});

beforeAll(async () => {
  test = await createTestDatabase();
  door = await openDatabaseDoor(test.url);
  behindDoor = await openDatabase({ url: door.url, poolSize: 6 });
  dir = await mkdtemp(join(tmpdir(), 'service-'));
  authority = await openAuthority({ dir });
  deviceTokens = await openDeviceTokens({ dir });
  broker = await startBroker(await brokerOptions(0));
  service = await startControlPlaneService({
    database: behindDoor,
    authority,
    deviceTokens,
    mqttUrl: `mqtts://127.0.0.1:${broker.port}`,
    tls: await authority.serviceCertificate('control-plane'),
    trustPem: authority.trustPem,
    log: SILENT,
    deviceCertificateDays: 30,
  });
  await service.ready;
});
afterAll(async () => {
  await service?.stop();
  await broker?.stop();
  await behindDoor?.close();
  await door?.close();
  await test?.drop();
  await rm(dir, { recursive: true, force: true });
});

let fleets = 0;
async function seed(count: number, state: 'pending' | 'active' = 'active') {
  fleets += 1;
  return seedFleet({ database: test.database, authority, slug: `service-${fleets}`, count, state });
}

/** A connected device that keeps what it is told. */
async function joinBroker(device: SeededDevice, epoch = 1) {
  const acks: Ack[] = [];
  const settings: TelemetrySettings[] = [];
  const issued: { error?: string; certificate_chain?: string }[] = [];
  const closed = Promise.withResolvers<void>();
  const open = () =>
    openDeviceLink({
      host: '127.0.0.1',
      port: broker.port,
      trustPem: authority.trustPem,
      credentials: device,
      epoch,
      onMessage(topic, payload) {
        const channel = parseTopic(topic)?.channel;
        if (channel === 'ack') {
          const decoded = decodePayload('ack', payload);
          if (decoded.ok) acks.push(decoded.value);
        } else if (channel === 'telemetry') {
          const decoded = decodePayload('telemetry', payload);
          if (decoded.ok) settings.push(decoded.value);
        } else if (channel === 'certificate/issued') {
          const decoded = decodePayload('certificate/issued', payload);
          if (decoded.ok) issued.push(decoded.value);
        }
      },
      onClose: closed.resolve,
    });
  // The broker lets nobody in before it has heard the revocations.
  let link: DeviceLink | null = null;
  await expect
    .poll(
      async () => {
        link = await open().catch(() => null);
        return link !== null;
      },
      { timeout: 20_000, interval: 300 },
    )
    .toBe(true);
  return { link: link as unknown as DeviceLink, acks, issued, settings, closed: closed.promise };
}
const beat = (epoch: number, seq: number, device: SeededDevice) => ({
  status: 'online',
  uptime: 1,
  session_epoch: epoch,
  seq,
  certificate_serial: device.serial,
});
const batch = (seq: number) => ({
  boot_id: 'boot-0001',
  seq,
  records: [{ timestamp: new Date().toISOString(), metric_type: 'cpu', value: { seq } }],
});
const until = { timeout: 20_000, interval: 20 };
const observationOf = async (device: SeededDevice) =>
  (await test.database.devices.find(device.orgId, device.device))?.observation;

describe('the control-plane service on our broker', () => {
  it('takes a device from its hello to its goodbye', async () => {
    const { devices } = await seed(1, 'pending');
    const [device] = devices as [SeededDevice];
    const { link, acks } = await joinBroker(device);
    link.publish('presence', { kind: 'hello', session_epoch: 1, certificate_serial: device.serial });
    await expect.poll(() => observationOf(device), until).toBe('online');
    expect((await test.database.certificates.findBySerial(device.serial))?.state).toBe('active');
    link.publish('heartbeat', beat(1, 1, device));
    link.publish('heartbeat', beat(1, 2, device));
    await expect.poll(() => acks.length, until).toBe(2);
    expect(acks.map(({ stream, boot_id, seq }) => `${stream} ${boot_id} ${seq}`).sort()).toEqual([
      'heartbeat 1 1',
      'heartbeat 1 2',
    ]);
    const [withToken, ...without] = acks.filter(({ auth_token }) => auth_token !== undefined);
    expect(without).toEqual([]);
    expect(await deviceTokens.verify(withToken?.auth_token ?? '')).toMatchObject({
      deviceId: device.device,
      certificateSerial: device.serial,
    });
    link.publish('presence', { kind: 'goodbye', session_epoch: 1, reason: 'shutdown' });
    await expect.poll(() => observationOf(device), until).toBe('offline');
    link.destroy();
  });

  it('believes the last will of a device whose link breaks', async () => {
    const { devices } = await seed(1);
    const [device] = devices as [SeededDevice];
    const { link, acks } = await joinBroker(device, 3);
    link.publish('heartbeat', beat(3, 1, device));
    await expect.poll(() => acks.length, until).toBe(1);
    link.destroy();
    await expect.poll(() => observationOf(device), until).toBe('offline');
    const events = await test.database.presence.events(device.orgId, device.device, {}, { limit: 5 });
    expect(events.items[0]).toMatchObject({ reason: 'last_will', sessionEpoch: 3 });
  });

  it('acknowledges batches with the cursor and passes what nobody can read', async () => {
    const { devices } = await seed(1);
    const [device] = devices as [SeededDevice];
    const { link, acks } = await joinBroker(device);
    const before = service.counts();
    for (const value of [
      batch(1),
      batch(2),
      batch(2),
      { ...batch(3), records: 'none' },
      batch(4),
      batch(9),
    ]) {
      link.publish('metrics', value);
    }
    link.publish('metrics', { records: [] });
    // One answer for each transaction, however many batches it held.
    await expect.poll(() => acks.at(-1)?.seq, until).toBe(4);
    expect(acks.length).toBeLessThanOrEqual(6);
    await expect.poll(() => service.counts().undecodable, until).toBe((before.undecodable ?? 0) + 1);
    const stored = await test.database.series.recent(device.orgId, device.device, 10);
    expect(stored.map(({ value }) => value.seq).sort()).toEqual([1, 2, 4]);
    link.destroy();
  });

  it('answers a beat with the settings that the device does not have, once', async () => {
    const { devices, organization } = await seed(1);
    const [device] = devices as [SeededDevice];
    await test.database.telemetrySettings.replace(organization.id, 0, {
      settings: { ...DEFAULT_TELEMETRY, logs: { min_level: 'error' } },
      retentionDays: DEFAULT_RETENTION_DAYS,
      unknownMetrics: 'declare',
      updatedBy: 'test',
    });
    await test.database.notify('edge_telemetry', { organization_id: organization.id });
    const { link, acks, settings } = await joinBroker(device);
    const say = (seq: number, version: number) =>
      link.publish('heartbeat', { ...beat(1, seq, device), telemetry_version: version });
    let seq = 0;
    // The service hears of the change on its own connection.
    await expect
      .poll(
        () => {
          seq += 1;
          say(seq, 0);
          return settings.length;
        },
        { timeout: 20_000, interval: 300 },
      )
      .toBe(1);
    expect(settings[0]).toMatchObject({ version: 1, logs: { min_level: 'error' } });
    say(seq + 1, 0);
    say(seq + 2, 1);
    await expect.poll(() => acks.some((ack) => ack.seq === seq + 2), until).toBe(true);
    expect(settings).toHaveLength(1);
    link.destroy();
  });

  it('renews a certificate over the live link', async () => {
    const { devices } = await seed(1);
    const [device] = devices as [SeededDevice];
    const client = await mqtt.connectAsync(`mqtts://127.0.0.1:${broker.port}`, {
      protocolVersion: 4,
      clientId: `${device.org}/${device.device}`,
      key: device.privateKeyPem,
      cert: device.chainPem,
      ca: authority.trustPem,
    });
    const address = { org: device.org, device: device.device };
    await client.subscribeAsync(topicFor('certificate/issued', address), { qos: 1 });
    const ask = async (csr: string) => {
      const answer = new Promise<Buffer>((resolve) =>
        client.once('message', (_topic, payload) => resolve(payload)),
      );
      await client.publishAsync(
        topicFor('certificate/request', address),
        JSON.stringify({ request_id: 'r1', csr }),
        { qos: 1 },
      );
      return JSON.parse((await answer).toString());
    };
    expect(await ask('no csr')).toEqual({ request_id: 'r1', error: 'enrollment.csr_invalid' });
    const reply = await ask(createCsr(createKeyPair().privateKeyPem));
    expect(readCertificate(reply.certificate_chain)).toMatchObject({
      commonName: `${device.org}/${device.device}`,
    });
    await client.endAsync();
  });

  it('has the broker cut a revoked device within a second, and no will speaks for it (C1)', async () => {
    const { devices } = await seed(1);
    const [device] = devices as [SeededDevice];
    const { link, acks, closed } = await joinBroker(device, 4);
    link.publish('heartbeat', beat(4, 1, device));
    await expect.poll(() => acks.length, until).toBe(1);
    const row = await test.database.devices.find(device.orgId, device.device);
    if (row === null) throw new Error('the device is gone');
    const at = performance.now();
    await test.database.transaction((stores) => revokeDevice(stores, row, 'lost', new Date()));
    await closed;
    expect(performance.now() - at).toBeLessThan(1000);
    await expect(
      openDeviceLink({
        host: '127.0.0.1',
        port: broker.port,
        trustPem: authority.trustPem,
        credentials: device,
        epoch: 5,
        onMessage: () => undefined,
        onClose: () => undefined,
      }),
    ).rejects.toThrow();
    const events = await test.database.presence.events(device.orgId, device.device, {}, { limit: 5 });
    expect(events.items.map(({ reason }) => reason)).toEqual(['revoked', 'heartbeat']);
  });

  it('stores what the broker refused', async () => {
    const { devices } = await seed(1);
    const [device] = devices as [SeededDevice];
    const client = await mqtt.connectAsync(`mqtts://127.0.0.1:${broker.port}`, {
      protocolVersion: 4,
      reconnectPeriod: 0,
      clientId: `${device.org}/${device.device}`,
      key: device.privateKeyPem,
      cert: device.chainPem,
      ca: authority.trustPem,
    });
    client.on('error', () => undefined);
    client.publish('edge/v1/other/x', 'x');
    await expect
      .poll(
        async () =>
          (await test.database.refusals.list(null, {}, { limit: 50 })).items.map(({ reason }) => reason),
        until,
      )
      .toContain('publish.topic');
    client.end(true);
  });

  it('comes back by itself when the broker does, and tells it the revocations', async () => {
    const { devices } = await seed(1);
    const [device] = devices as [SeededDevice];
    const { port } = broker;
    await broker.stop();
    await expect.poll(() => service.healthy(), until).toBe(false);
    broker = await startBroker(await brokerOptions(port));
    await expect.poll(() => service.healthy(), until).toBe(true);
    const { link, acks } = await joinBroker(device);
    link.publish('metrics', batch(1));
    await expect.poll(() => acks.length, until).toBe(1);
    link.destroy();
  });

  it('acknowledges nothing while the database is away, leaves the broker after 5 s, and loses nothing', async () => {
    const { devices } = await seed(4);
    const joined = await Promise.all(devices.map((device) => joinBroker(device)));
    for (const [index, { link }] of joined.entries()) {
      link.publish('heartbeat', beat(1, 1, devices[index] as SeededDevice));
    }
    await expect.poll(() => joined.every(({ acks }) => acks.length === 1), until).toBe(true);
    door.shut();
    for (const { link } of joined) link.publish('metrics', batch(1));
    await expect.poll(() => broker.metrics().connections, { timeout: 30_000, interval: 100 }).toBe(4);
    expect(service.healthy()).toBe(false);
    expect(joined.every(({ acks }) => acks.length === 1)).toBe(true);
    door.open();
    await expect.poll(() => service.healthy(), until).toBe(true);
    // As the outbox does it: what was not acknowledged is sent again.
    for (const { link } of joined) link.publish('metrics', batch(1));
    await expect
      .poll(
        () => joined.every(({ acks }) => acks.some(({ stream, seq }) => stream === 'metrics' && seq === 1)),
        until,
      )
      .toBe(true);
    for (const device of devices) {
      expect(await test.database.series.recent(device.orgId, device.device, 10)).toHaveLength(1);
      expect(await observationOf(device)).toBe('online');
    }
    for (const { link } of joined) link.destroy();
  });
});
