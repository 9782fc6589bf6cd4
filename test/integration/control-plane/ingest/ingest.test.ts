import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, openAuthority } from '#certs';
import type { Heartbeat } from '#contract';
import type { LiveEvent } from '#web-api';
import { type Ingest, startIngest } from '../../../../control-plane/ingest/ingest.ts';
import { decodeMessage, type IngestMessage } from '../../../../control-plane/ingest/message.ts';
import { startLiveEvents } from '../../../../control-plane/live/live-events.ts';
import {
  startTelemetryCache,
  type TelemetryCache,
} from '../../../../control-plane/settings-delivery/telemetry-cache.ts';
import { SILENT } from '../../../../db/log.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { addCertificate, type SeededDevice, seedFleet } from '../../../support/seeded-fleet.ts';

let test: TestDatabase;
let dir: string;
let authority: Authority;
let telemetry: TelemetryCache;
let ingest: Ingest;
let sql: pg.Client;

beforeAll(async () => {
  test = await createTestDatabase();
  dir = await mkdtemp(join(tmpdir(), 'ingest-'));
  authority = await openAuthority({ dir });
  telemetry = await startTelemetryCache({ database: test.database, log: SILENT });
  ingest = startIngest({ database: test.database, telemetry, log: SILENT, retry: true });
  sql = new pg.Client({ connectionString: test.url });
  await sql.connect();
});
afterAll(async () => {
  await ingest.stop();
  await telemetry.stop();
  await sql.end();
  await test.drop();
  await rm(dir, { recursive: true, force: true });
});

let fleets = 0;
/** A new organisation, so that no test sees another's rows. */
const seed = (count: number, state: 'pending' | 'active' = 'active') => {
  fleets += 1;
  return seedFleet({ database: test.database, authority, slug: `ingest-${fleets}`, count, state });
};
const addressOf = ({ org, device }: SeededDevice) => ({ org, device });
const beat = (
  device: SeededDevice,
  heartbeat: Partial<Heartbeat> = {},
  serial: string | null = null,
): IngestMessage => ({
  kind: 'heartbeat',
  via: 'mqtt',
  address: addressOf(device),
  receivedAt: new Date(),
  heartbeat: { status: 'online', uptime: 5, session_epoch: 1, seq: 1, ...heartbeat },
  certificateSerial: serial,
});
const metrics = (device: SeededDevice, seq: number, count = 3): IngestMessage => ({
  kind: 'batch',
  address: addressOf(device),
  receivedAt: new Date(),
  bytes: count * 100,
  content: {
    stream: 'metrics',
    list: 'records',
    batch: { bootId: 'boot-0001', seq },
    sentAtMs: null,
    backfill: false,
    rejected: [],
    places: null,
    records: Array.from({ length: count }, (_, index) => ({
      timestamp: new Date().toISOString(),
      metric_type: 'cpu',
      value: { seq, index },
    })),
  },
});
const storedRows = async (device: SeededDevice): Promise<number> => {
  const { rows } = await sql.query<{ n: string }>(
    'SELECT count(*) AS n FROM device_metrics WHERE device_id = $1',
    [device.device],
  );
  return Number(rows[0]?.n);
};
const deadLetters = async (device: SeededDevice): Promise<{ reason: string; channel: string }[]> => {
  const { rows } = await sql.query('SELECT reason, channel FROM dead_letters WHERE device = $1', [
    device.device,
  ]);
  return rows;
};

describe('ingest', () => {
  it('commits a beat, shows the device online, and answers', async () => {
    const { organization, devices } = await seed(1);
    const [device] = devices as [SeededDevice];
    const outcome = await ingest.submit(beat(device, { facts: { arch: 'x64' }, firmware_version: '2.1.0' }));
    expect(outcome).toEqual({
      kind: 'committed',
      deviceId: device.device,
      orgId: organization.id,
      ack: { stream: 'heartbeat', boot_id: '1', seq: 1 },
      prepared: null,
    });
    const row = await test.database.devices.find(organization.id, device.device);
    expect(row).toMatchObject({ observation: 'online', status: 'online', firmwareVersion: '2.1.0' });
    const snapshot = await test.database.presence.snapshot(organization.id, device.device);
    expect(snapshot).toMatchObject({ connected: true, sessionEpoch: 1, facts: { arch: 'x64' } });
    const events = await test.database.presence.events(organization.id, device.device, {}, { limit: 10 });
    expect(events.items).toMatchObject([{ from: 'never_seen', to: 'online', reason: 'heartbeat' }]);
  });

  it('stores each numbered batch exactly once, however often and in whatever company it comes', async () => {
    const { devices } = await seed(3);
    const sent = devices.flatMap((device) =>
      [1, 2, 2, 3, 1, 3, 4].map((seq) => ingest.submit(metrics(device, seq))),
    );
    const outcomes = await Promise.all(sent);
    expect(outcomes.slice(0, 7).map(({ kind, ack }) => `${kind} ${ack?.seq}`)).toEqual([
      'committed 1',
      'committed 2',
      'duplicate 2',
      'committed 3',
      'duplicate 3',
      'duplicate 3',
      'committed 4',
    ]);
    const again = await ingest.submit(metrics(devices[0] as SeededDevice, 4));
    expect(again).toMatchObject({ kind: 'duplicate', ack: { seq: 4 } });
    const gap = await ingest.submit(metrics(devices[0] as SeededDevice, 6));
    expect(gap).toMatchObject({ kind: 'gap', ack: { seq: 4 } });
    for (const device of devices) expect(await storedRows(device)).toBe(12);
  });

  it('commits the neighbours of a poison row and keeps it as a dead letter (A4)', async () => {
    const { devices } = await seed(50);
    const started = performance.now();
    const messages = devices.flatMap((device, index) =>
      // 1e30 passes the contract's schema and no bigint.
      index === 17 ? [beat(device, { session_epoch: 1e30 })] : [beat(device), metrics(device, 1)],
    );
    const outcomes = await Promise.all(messages.map((message) => ingest.submit(message)));
    expect(performance.now() - started).toBeLessThan(1000);
    const kinds = outcomes.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'dead_lettered')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'committed')).toHaveLength(98);
    expect(await deadLetters(devices[17] as SeededDevice)).toMatchObject([
      { channel: 'heartbeat', reason: expect.stringContaining('database: ') },
    ]);
    expect(await storedRows(devices[18] as SeededDevice)).toBe(3);
  });

  it('passes an unusable numbered batch, so that the device’s outbox goes on', async () => {
    const { devices } = await seed(1);
    const [device] = devices as [SeededDevice];
    const payload = Buffer.from('{"boot_id":"boot-0001","seq":1,"records":7}');
    const decoded = decodeMessage('metrics', addressOf(device), payload, new Date());
    if (!decoded.ok) throw new Error(decoded.reason);
    const unusable = decoded.message;
    expect(await ingest.submit(unusable)).toMatchObject({ kind: 'dead_lettered', ack: { seq: 1 } });
    expect(await ingest.submit(metrics(device, 2))).toMatchObject({ kind: 'committed', ack: { seq: 2 } });
    expect(await deadLetters(device)).toEqual([{ reason: 'records: must be an array', channel: 'metrics' }]);
  });

  it('activates a pending certificate of the device itself and of no other', async () => {
    const { organization, devices } = await seed(2, 'pending');
    const [own, other] = devices as [SeededDevice, SeededDevice];
    await ingest.submit(beat(own, {}, other.serial));
    expect((await test.database.certificates.findBySerial(other.serial))?.state).toBe('pending');
    await ingest.submit(beat(own, { seq: 2 }, own.serial));
    expect((await test.database.certificates.findBySerial(own.serial))?.state).toBe('active');
    const next = await addCertificate(test.database, authority, organization, own.row, 'pending');
    await ingest.submit({
      kind: 'presence',
      address: addressOf(own),
      receivedAt: new Date(),
      presence: { kind: 'hello', session_epoch: 2, certificate_serial: next.serial },
    });
    expect((await test.database.certificates.findBySerial(next.serial))?.state).toBe('active');
    expect((await test.database.certificates.findBySerial(own.serial))?.state).toBe('superseded');
  });

  it('counts a device that is unknown or under another organisation, and stores nothing', async () => {
    const { devices } = await seed(1);
    const [device] = devices as [SeededDevice];
    const foreign = { ...metrics(device, 1), address: { org: 'globex', device: device.device } };
    expect(await ingest.submit(foreign)).toMatchObject({ kind: 'unknown_device', ack: null });
    expect(await storedRows(device)).toBe(0);
  });

  it('tells the console of changes at once and of beats by organisation', async () => {
    const { organization, devices } = await seed(200);
    const seen = new Set<string>();
    const changed = new Set<string>();
    const done = Promise.withResolvers<void>();
    const live = await startLiveEvents(test.database, SILENT);
    live.subscribe((event: LiveEvent) => {
      if (event.organization_id !== organization.id) return;
      if (event.kind === 'devices.seen') for (const id of event.device_ids) seen.add(id);
      if (event.kind === 'device.changed' && event.observation === 'online') changed.add(event.device_id);
      if (seen.size === 200 && changed.size === 200) done.resolve();
    });
    await Promise.all(devices.map((device) => ingest.submit(beat(device))));
    await done.promise;
    await live.stop();
  });

  it('neither answers nor loses anything while the database is away, and goes on when it is back', async () => {
    const { devices } = await seed(1);
    const [device] = devices as [SeededDevice];
    const lockedOut = startIngest({ database: test.database, telemetry, log: SILENT, retry: true });
    const admin = new pg.Client({ connectionString: test.url });
    await admin.connect();
    const name = new URL(test.url).pathname.slice(1);
    // Ends every session of the pool in the middle of its work, again and again, until told otherwise.
    let isAway = true;
    const cut = async (): Promise<void> => {
      while (isAway) {
        await admin.query(
          'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()',
          [name],
        );
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    sql.on('error', () => undefined);
    const cutting = cut();
    const waiting = Array.from({ length: 20 }, (_, index) => lockedOut.submit(metrics(device, index + 1)));
    await expect.poll(() => lockedOut.pausedSince, { timeout: 10_000, interval: 5 }).not.toBeNull();
    expect(lockedOut.whenReady()).not.toBeNull();
    expect(lockedOut.answeringSince).toBeNull();
    isAway = false;
    await cutting;
    await admin.end();
    const outcomes = await Promise.all(waiting);
    expect(outcomes.at(-1)).toMatchObject({ ack: { seq: 20 } });
    expect(lockedOut.whenReady()).toBeNull();
    sql = new pg.Client({ connectionString: test.url });
    await sql.connect();
    expect(await storedRows(device)).toBe(60);
    await lockedOut.stop();
  });
});
