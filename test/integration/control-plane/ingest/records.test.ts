import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAuthority } from '#certs';
import { DEFAULT_TELEMETRY, type Stream } from '#contract';
import { DEFAULT_RETENTION_DAYS } from '#web-api';
import { type Ingest, startIngest } from '../../../../control-plane/ingest/ingest.ts';
import { decodeMessage } from '../../../../control-plane/ingest/message.ts';
import {
  startTelemetryCache,
  type TelemetryCache,
} from '../../../../control-plane/settings-delivery/telemetry-cache.ts';
import { SILENT } from '../../../../db/log.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { type SeededDevice, seedFleet } from '../../../support/seeded-fleet.ts';

let test: TestDatabase;
let dir: string;
let telemetry: TelemetryCache;
let ingest: Ingest;
let sql: pg.Client;
let devices: SeededDevice[];
let orgId: string;

beforeAll(async () => {
  test = await createTestDatabase();
  dir = await mkdtemp(join(tmpdir(), 'records-'));
  const authority = await openAuthority({ dir });
  telemetry = await startTelemetryCache({ database: test.database, log: SILENT });
  ingest = startIngest({ database: test.database, telemetry, log: SILENT, retry: true });
  sql = new pg.Client({ connectionString: test.url });
  await sql.connect();
  const fleet = await seedFleet({ database: test.database, authority, slug: 'records', count: 6 });
  devices = fleet.devices;
  orgId = fleet.organization.id;
});
afterAll(async () => {
  await ingest.stop();
  await telemetry.stop();
  await sql.end();
  await test.drop();
  await rm(dir, { recursive: true, force: true });
});

const device = (index: number): SeededDevice => devices[index] as SeededDevice;
const at = (): string => new Date().toISOString();
const metric = (value: object, extra: object = {}) => ({
  timestamp: at(),
  metric_type: 'cpu',
  value,
  ...extra,
});
const line = (message: string) => ({
  timestamp: at(),
  log_level: 'error',
  service_name: 'vllm',
  message,
  metadata: { unit: 'vllm.service' },
});
/** As it comes over MQTT. */
function send(to: SeededDevice, stream: Stream, records: readonly unknown[], fields: object = {}) {
  const payload = Buffer.from(JSON.stringify({ ...fields, records }));
  const decoded = decodeMessage(stream, { org: to.org, device: to.device }, payload, new Date());
  if (!decoded.ok) throw new Error(decoded.reason);
  return ingest.submit(decoded.message);
}
const rowsOf = async (table: 'device_metrics' | 'device_logs' | 'dead_letters', of: SeededDevice) => {
  const column = table === 'dead_letters' ? 'device' : 'device_id';
  return (await sql.query(`SELECT * FROM ${table} WHERE ${column} = $1`, [of.device])).rows;
};

describe('records', () => {
  it('become log lines, events among them, each stream with its own numbers', async () => {
    const numbered = { boot_id: 'boot-0001', seq: 1 };
    const event = { timestamp: at(), kind: 'agent.started', log_level: 'info', message: 'started' };
    const outcomes = await Promise.all([
      send(device(0), 'logs', [line('a'), line('b')], numbered),
      send(device(0), 'events', [event], { ...numbered, backfill: true }),
      send(device(0), 'metrics', [metric({ percent: 1 })], numbered),
      send(device(0), 'logs', [line('a'), line('b')], numbered),
    ]);
    expect(outcomes.map(({ kind, ack }) => `${kind} ${ack?.stream} ${ack?.seq}`)).toEqual([
      'committed logs 1',
      'committed events 1',
      'committed metrics 1',
      'duplicate logs 1',
    ]);
    const lines = await rowsOf('device_logs', device(0));
    expect(lines.map(({ service_name, message }) => `${service_name} ${message}`).sort()).toEqual([
      'edge-agent started',
      'vllm a',
      'vllm b',
    ]);
    expect(lines.find(({ message }) => message === 'started')?.metadata).toMatchObject({
      event: 'agent.started',
      backfill: true,
    });
  });

  it('are stored without their secrets, and so are the samples of bad ones', async () => {
    const secret = 'password=correct-horse-battery';
    await send(device(1), 'logs', [line(secret), { ...line(secret), log_level: 'loud' }]);
    await send(device(1), 'metrics', [metric({ note: secret })]);
    const all = [
      ...(await rowsOf('device_logs', device(1))),
      ...(await rowsOf('device_metrics', device(1))),
      ...(await rowsOf('dead_letters', device(1))).map((row) => ({ ...row, sample: String(row.sample) })),
    ];
    expect(all).toHaveLength(3);
    const text = JSON.stringify(all);
    expect(text).not.toContain('correct-horse');
    expect(text.match(/\[redacted:/g)?.length).toBeGreaterThanOrEqual(3);
  });

  it('are left out one by one where the database refuses them', async () => {
    await sql.query(
      `ALTER TABLE device_metrics ADD CONSTRAINT refused CHECK (metric_value->>'n' IS DISTINCT FROM '13')`,
    );
    const fields = { boot_id: 'boot-0001', seq: 1 };
    const records = Array.from({ length: 20 }, (_, n) => metric({ n }));
    const [poisoned, neighbour] = await Promise.all([
      send(device(2), 'metrics', records, fields),
      send(device(3), 'metrics', [metric({ n: 1 })], fields),
    ]);
    await sql.query('ALTER TABLE device_metrics DROP CONSTRAINT refused');
    expect(poisoned).toMatchObject({ kind: 'committed', ack: { seq: 1 } });
    expect(neighbour).toMatchObject({ kind: 'committed', ack: { seq: 1 } });
    expect(await rowsOf('device_metrics', device(2))).toHaveLength(19);
    expect(await rowsOf('dead_letters', device(2))).toMatchObject([
      { channel: 'metrics', reason: expect.stringContaining('records.13: the database refuses it') },
    ]);
    expect(ingest.rejections.database).toBe(1);
  });

  it('of a disabled device are refused and not acknowledged, its beats too', async () => {
    await test.database.devices.update(orgId, device(4).device, { intent: 'disabled' });
    const refused = await send(device(4), 'metrics', [metric({ n: 1 })], { boot_id: 'boot-0001', seq: 1 });
    expect(refused).toMatchObject({ kind: 'disabled', ack: null });
    const address = { org: device(4).org, device: device(4).device };
    const beat = decodeMessage(
      'heartbeat',
      address,
      Buffer.from('{"status":"online","uptime":1}'),
      new Date(),
    );
    if (!beat.ok) throw new Error(beat.reason);
    expect(await ingest.submit(beat.message)).toMatchObject({ kind: 'disabled' });
    expect(await rowsOf('device_metrics', device(4))).toEqual([]);
    expect((await test.database.devices.find(orgId, device(4).device))?.observation).toBe('never_seen');
  });

  it('of new types are taken up, until the organisation takes declared ones only', async () => {
    await send(device(5), 'metrics', [metric({ n: 1 }, { metric_type: 'queue.depth' })]);
    const names = async () => (await test.database.metricTypes.list(orgId)).map(({ name }) => name);
    await expect.poll(names, { timeout: 10_000 }).toContain('queue.depth');
    await test.database.telemetrySettings.replace(orgId, 0, {
      settings: DEFAULT_TELEMETRY,
      retentionDays: DEFAULT_RETENTION_DAYS,
      unknownMetrics: 'reject',
      updatedBy: 'test',
    });
    await test.database.notify('edge_telemetry', { organization_id: orgId });
    const refused = async () =>
      (await send(device(5), 'metrics', [metric({ n: 1 }, { metric_type: 'other' })])).prepared?.rejected[0]
        ?.code;
    await expect.poll(refused, { timeout: 10_000 }).toBe('unknown_metric');
  });

  it('are counted by organisation and minute', async () => {
    await ingest.stop();
    const hour = 3_600_000;
    const minutes = await test.database.telemetry.minutes(
      [orgId],
      new Date(Date.now() - hour),
      new Date(Date.now() + hour),
    );
    const sum = (key: 'points' | 'logLines' | 'duplicates' | 'deadLetters'): number =>
      minutes.reduce((total, minute) => total + minute[key], 0);
    expect(sum('logLines')).toBe(4);
    expect(sum('duplicates')).toBe(1);
    expect(sum('points')).toBeGreaterThanOrEqual(22);
    expect(sum('deadLetters')).toBeGreaterThanOrEqual(3);
    expect(minutes[0]?.commitMsMax).not.toBeNull();
  });
});
