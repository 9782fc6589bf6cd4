/** The device store: conflicts, isolation, search, pages that stay put, and the size of a real fleet. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Device } from '#db';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { withClient } from '../../support/database-server.ts';
import { addressOf, makeWorld, newDevice, type World } from './world.ts';

let test: TestDatabase;
let world: World;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());
beforeEach(async () => {
  world = await makeWorld(test.database);
});

const create = (changes = {}): Promise<Device> =>
  test.database.devices.create(world.ours.id, newDevice(changes));

describe('a device', () => {
  it('starts unseen, active and with what was given', async () => {
    const device = await create({ tags: ['lab', 'a b'], firmwareVersion: '2.1.0', ipAddress: '192.0.2.1' });
    expect(device).toMatchObject({
      ...{ orgId: world.ours.id, orgSlug: world.ours.slug, type: 'gateway', tags: ['lab', 'a b'] },
      ...{ intent: 'active', observation: 'never_seen', status: 'never_seen', lastSeen: null },
      ...{ firmwareVersion: '2.1.0', ipAddress: '192.0.2.1', agentVersion: null, metadata: {} },
    });
    expect(device.createdAt).toBeInstanceOf(Date);
    expect(await test.database.devices.find(world.ours.id, device.id)).toEqual(device);
  });

  it('shows the intent as its status, unless that is to be active', async () => {
    const { id } = await create();
    const shelved = await test.database.devices.update(world.ours.id, id, { intent: 'maintenance' });
    expect(shelved).toMatchObject({ status: 'maintenance', observation: 'never_seen' });
    const back = await test.database.devices.update(world.ours.id, id, { intent: 'active' });
    expect(back).toMatchObject({ status: 'never_seen' });
  });

  it('has a name of its own in the organisation and hardware of its own anywhere', async () => {
    const { devices } = test.database;
    const known = await create();
    await expect(create({ name: known.name })).rejects.toMatchObject({
      code: 'conflict',
      field: 'device_name',
    });
    const foreign = newDevice({ name: known.name, hardwareId: known.hardwareId });
    await expect(devices.create(world.theirs.id, foreign)).rejects.toMatchObject({ field: 'hardware_id' });
    await devices.create(world.theirs.id, newDevice({ name: known.name }));
    const other = await create();
    await expect(devices.update(world.ours.id, other.id, { name: known.name })).rejects.toMatchObject({
      code: 'conflict',
      field: 'device_name',
    });
  });

  it('is found by its hardware over all organisations', async () => {
    const device = await create();
    expect(await test.database.devices.findByHardwareId(device.hardwareId)).toEqual(device);
    expect(await test.database.devices.findByHardwareId('unknown')).toBeNull();
  });

  it('is invisible and untouchable for another organisation', async () => {
    const { devices } = test.database;
    const device = await create();
    const { theirs } = world;
    expect(await devices.find(theirs.id, device.id)).toBeNull();
    expect(await devices.update(theirs.id, device.id, { name: 'stolen' })).toBeNull();
    expect(await devices.delete(theirs.id, device.id)).toBe(false);
    expect(await devices.activeConfig(theirs.id, device.id)).toBeNull();
    expect(await devices.list(theirs.id, {}, { limit: 10 })).toMatchObject({ items: [], total: 0 });
    expect(await devices.list([theirs.id], {}, { limit: 10 })).toMatchObject({ items: [], total: 0 });
    expect(await devices.list([], {}, { limit: 10 })).toMatchObject({ items: [], total: 0 });
    expect(await devices.summary(theirs.id)).toEqual({ total: 0, byStatus: {}, byType: {} });
    expect(await devices.find(world.ours.id, device.id)).toEqual(device);
    expect(await devices.find(null, device.id)).toEqual(device);
  });

  it('leaves a tombstone, and nothing else, when it is deleted', async () => {
    const { devices, presence, telemetry, series } = test.database;
    const device = await create();
    const at = new Date();
    const change = {
      deviceId: device.id,
      orgId: device.orgId,
      at,
      from: null,
      reason: 'hello',
      sessionEpoch: 1,
    };
    await presence.appendChanges([{ ...change, to: 'online' as const }]);
    const row = { deviceId: device.id, orgId: device.orgId, atMs: +at, receivedAtMs: +at, metadata: null };
    const metric = { ...row, metricType: 'cpu', value: { percent: 1 }, labels: null };
    await telemetry.insertMetrics([metric]);
    await series.refreshRollups(new Date(+at + 2 * 3_600_000), 10);
    await telemetry.insertMetrics([metric]);
    await telemetry.insertLogs([{ ...row, level: 'info', service: 'sshd', message: 'hello' }]);
    expect(await devices.delete(device.orgId, device.id)).toBe(true);
    expect(await devices.delete(device.orgId, device.id)).toBe(false);
    expect(await presence.lock([addressOf(device)])).toEqual([]);
    const left = await withClient(test.url, (client) =>
      client.query(
        `SELECT (SELECT count(*)::int FROM device_metrics WHERE device_id = $1) AS metrics,
                (SELECT count(*)::int FROM device_metrics_1m WHERE device_id = $1)
                + (SELECT count(*)::int FROM device_metrics_1h WHERE device_id = $1)
                + (SELECT count(*)::int FROM device_metrics_1d WHERE device_id = $1) AS rollups,
                (SELECT count(*)::int FROM device_logs WHERE device_id = $1) AS lines,
                (SELECT count(*)::int FROM metric_hours_dirty WHERE device_id = $1) AS marks,
                (SELECT count(*)::int FROM presence_events WHERE device_id = $1) AS events,
                (SELECT device_name FROM deleted_devices WHERE id = $1) AS tombstone`,
        [device.id],
      ),
    );
    expect(left.rows).toEqual([
      { metrics: 0, rollups: 0, lines: 0, marks: 0, events: 0, tombstone: device.name },
    ]);
    // Name and hardware are free again.
    await create({ name: device.name, hardwareId: device.hardwareId });
  });

  it('has the newest active configuration', async () => {
    const device = await create();
    expect(await test.database.devices.activeConfig(device.orgId, device.id)).toBeNull();
    await withClient(test.url, (client) =>
      client.query(
        `INSERT INTO device_configurations (device_id, config_version, config_data, is_active)
         VALUES ($1, 1, '{"a":1}', false), ($1, 2, '{"a":2}', true)`,
        [device.id],
      ),
    );
    expect(await test.database.devices.activeConfig(device.orgId, device.id)).toEqual({
      ...{ version: 2, data: { a: 2 }, sha256: null, appliedAt: null },
    });
  });
});

describe('the device list', () => {
  const search = async (text: string): Promise<string[]> =>
    (await test.database.devices.list(world.ours.id, { search: text }, { limit: 50 })).items.map(
      ({ name }) => name,
    );

  it('searches name, hardware, firmware and tags without case, and takes % and _ literally', async () => {
    await create({ name: 'Warehouse 100%', hardwareId: `HW-${randomUUID()}` });
    await create({ name: 'under_score', firmwareVersion: '9.9-beta' });
    await create({ name: 'underXscore', tags: ['Rack:7'] });
    expect(await search('warehouse')).toEqual(['Warehouse 100%']);
    expect(await search('0%')).toEqual(['Warehouse 100%']);
    expect(await search('under_s')).toEqual(['under_score']);
    expect(await search('9.9-BETA')).toEqual(['under_score']);
    expect(await search('rack:7')).toEqual(['underXscore']);
    expect(await search('\\')).toEqual([]);
    expect(await search("' OR true --")).toEqual([]);
  });

  it('filters by status and type, and counts both', async () => {
    const { devices } = test.database;
    await create({ type: 'uc1-pro' });
    const { id } = await create();
    await devices.update(world.ours.id, id, { intent: 'disabled' });
    const disabled = await devices.list(world.ours.id, { status: 'disabled' }, { limit: 10 });
    expect(disabled).toMatchObject({ total: 1, items: [{ id }] });
    expect(await devices.list(world.ours.id, { type: 'uc1-pro' }, { limit: 10 })).toMatchObject({ total: 1 });
    expect(await devices.summary([world.ours.id])).toEqual({
      total: 2,
      byStatus: { never_seen: 1, disabled: 1 },
      byType: { 'uc1-pro': 1, gateway: 1 },
    });
  });

  it.each([
    'device_name',
    '-device_name',
    'last_seen',
    '-last_seen',
    'status',
    '-status',
    'created_at',
    '-created_at',
  ])('shows each device once by %s, page after page, while others are added', async (sort) => {
    const { devices } = test.database;
    const made = new Set<string>();
    for (let index = 0; index < 7; index += 1) made.add((await create()).id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await devices.list(
        world.ours.id,
        { sort },
        { limit: 3, ...(cursor === null ? {} : { cursor }) },
      );
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
      if (seen.length === 3) await create({ name: ' first of all' });
    } while (cursor !== null);
    const known = seen.filter((id) => made.has(id));
    expect(new Set(seen).size).toBe(seen.length);
    expect(known).toHaveLength(7);
  });

  it('takes page numbers as well', async () => {
    for (const name of ['a', 'b', 'c']) await create({ name });
    const page = await test.database.devices.list(world.ours.id, {}, { limit: 1, offset: 2 });
    expect(page).toMatchObject({ total: 3, nextCursor: null, items: [{ name: 'c' }] });
  });

  it('refuses a cursor of another sort, filter or organisation, and any other text', async () => {
    const { devices } = test.database;
    await create();
    await create();
    const { nextCursor } = await devices.list(world.ours.id, { sort: 'device_name' }, { limit: 1 });
    const cursor = nextCursor ?? '';
    expect(cursor).not.toBe('');
    const refused = { code: 'cursor_invalid' };
    const list = (orgId: string, filter: object, text: string) =>
      devices.list(orgId, filter, { limit: 1, cursor: text });
    await expect(list(world.ours.id, { sort: 'created_at' }, cursor)).rejects.toMatchObject(refused);
    await expect(list(world.ours.id, { sort: 'device_name', search: 'x' }, cursor)).rejects.toMatchObject(
      refused,
    );
    await expect(list(world.theirs.id, { sort: 'device_name' }, cursor)).rejects.toMatchObject(refused);
    await expect(list(world.ours.id, { sort: 'device_name' }, 'rubbish')).rejects.toMatchObject(refused);
    const [mark] = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const forged = (parts: unknown) => Buffer.from(JSON.stringify(parts)).toString('base64url');
    for (const parts of [[mark, 'a'], [mark, 'a', 'no uuid'], [mark, 'a\0', randomUUID()], { mark }, null]) {
      await expect(list(world.ours.id, { sort: 'device_name' }, forged(parts))).rejects.toMatchObject(
        refused,
      );
    }
  });

  it('answers a page of 100 out of 10,000 devices in well under half a second', async () => {
    const { devices } = test.database;
    await withClient(test.url, async (client) => {
      await client.query(
        `INSERT INTO edge_devices (organization_id, device_name, device_type, device_id, tags, last_seen)
         SELECT $1, 'fleet-' || n, 'gateway', gen_random_uuid()::text, ARRAY['rack:' || n % 50], now() - n * interval '1 second'
         FROM generate_series(1, 10000) AS n`,
        [world.ours.id],
      );
      await client.query('ANALYZE edge_devices');
    });
    for (const filter of [{}, { sort: '-last_seen' }, { sort: 'status' }, { search: 'rack:7' }]) {
      const times: number[] = [];
      for (let run = 0; run < 7; run += 1) {
        const startedAt = performance.now();
        const page = await devices.list(world.ours.id, filter, { limit: 100 });
        times.push(performance.now() - startedAt);
        expect(page.items).toHaveLength(100);
      }
      // The goal is 20 ms on a quiet machine; the rest of the suite runs beside this one.
      console.info(`device list ${JSON.stringify(filter)}: ${Math.min(...times).toFixed(1)} ms`);
      expect(Math.min(...times)).toBeLessThan(400);
    }
  });
});
