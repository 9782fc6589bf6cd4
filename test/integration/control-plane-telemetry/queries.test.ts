/** Measurements and log lines as people ask for them, over the real stores. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '#db';
import { collect, openWorld, type World } from './world.ts';

const MINUTE_MS = 60_000;
let world: World;
let telemetry: World['controlPlane']['telemetry'];
let one: Device;
let two: Device;
let foreign: Device;
/** Some minutes ago, at the start of a minute. */
let startMs: number;
const iso = (ms: number) => new Date(ms).toISOString();

beforeAll(async () => {
  world = await openWorld();
  telemetry = world.controlPlane.telemetry;
  one = await world.addDevice('acme', 'one', ['berlin']);
  two = await world.addDevice('acme', 'two', ['berlin']);
  foreign = await world.addDevice('globex', 'foreign');
  startMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 30 * MINUTE_MS;
  const cpu = (offset: number, percent: number) => ({
    atMs: startMs + offset * 30_000,
    type: 'cpu',
    value: { percent },
  });
  // 10 minutes every 30 s, with a hole of 5 minutes after the first 10 samples.
  await world.addMetrics(one, [
    ...Array.from({ length: 10 }, (_, index) => cpu(index, index)),
    ...Array.from({ length: 10 }, (_, index) => cpu(20 + index, 90 + index)),
    { atMs: startMs, type: 'disk', value: { percent: 40, note: 'text' }, labels: { mount: '/var' } },
    { atMs: startMs, type: 'disk', value: { percent: 50 }, labels: { mount: '/' } },
  ]);
  await world.addMetrics(
    two,
    Array.from({ length: 20 }, (_, index) => cpu(index, 10)),
  );
  await world.addMetrics(foreign, [cpu(0, 66)]);
  await world.addLogs(
    one,
    Array.from({ length: 25 }, (_, index) => ({
      atMs: startMs + index * 1000,
      message: `line ${index} ${index % 2 === 0 ? 'even' : 'odd'}`,
      level: index % 5 === 0 ? ('error' as const) : ('info' as const),
    })),
  );
  await world.addLogs(two, [{ atMs: startMs + 500, message: 'of the other', service: 'other' }]);
  await world.addLogs(foreign, [{ atMs: startMs, message: 'foreign line' }]);
});
afterAll(() => world.stop());

const range = () => ({ from: iso(startMs), to: iso(startMs + 20 * MINUTE_MS) });

describe('measurements of one device', () => {
  it('come as they were sent over a short range, with their gap', async () => {
    const reply = await telemetry.deviceMetrics(world.member, one.id, {
      metric_type: 'cpu',
      ...range(),
    });
    expect(reply).toMatchObject({ resolution: 'raw', bucket_seconds: null, truncated: false });
    const [cpu] = reply.series;
    expect(cpu).toMatchObject({ device_id: one.id, device_name: 'one', field: 'percent', unit: 'percent' });
    expect(cpu?.v).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, null, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
  });

  it('come in buckets where that was asked for', async () => {
    const reply = await telemetry.deviceMetrics(world.member, one.id, {
      metric_type: 'cpu',
      resolution: '1m',
      aggregation: 'max',
      ...range(),
    });
    expect(reply).toMatchObject({ resolution: '1m', bucket_seconds: 60, aggregation: 'max' });
    expect(reply.series[0]?.v).toEqual([1, 3, 5, 7, 9, null, 91, 93, 95, 97, 99]);
    expect(reply.series[0]?.min).toEqual([0, 2, 4, 6, 8, null, 90, 92, 94, 96, 98]);
    expect(reply.series[0]?.t[0]).toBe(startMs);
  });

  it('come for every type where none is named, and by label where one is', async () => {
    const all = await telemetry.deviceMetrics(world.member, one.id, range());
    expect(all.series.map(({ metric_type, labels }) => [metric_type, labels.mount])).toEqual([
      ['cpu', undefined],
      ['disk', '/'],
      ['disk', '/var'],
    ]);
    const root = await telemetry.deviceMetrics(world.member, one.id, {
      metric_type: 'disk',
      labels: 'mount=/',
      ...range(),
    });
    expect(root.series.map(({ v }) => v)).toEqual([[50]]);
  });

  it('are listed by what there is', async () => {
    const { items } = await telemetry.catalogue(world.member, one.id);
    expect(
      items.map(({ metric_type, labels, fields }) => [metric_type, labels, fields.map(({ name }) => name)]),
    ).toEqual(
      expect.arrayContaining([
        ['cpu', {}, ['percent']],
        ['disk', { mount: '/var' }, ['percent']],
      ]),
    );
  });

  it('are hidden from strangers like those of no device', async () => {
    for (const id of [one.id, randomUUID()]) {
      await expect(telemetry.deviceMetrics(world.stranger, id, {})).rejects.toMatchObject({
        code: 'device.not_found',
      });
    }
  });
});

describe('measurements of several devices', () => {
  const query = (rest: object) =>
    telemetry.queryMetrics(world.member, {
      metric_type: 'cpu',
      resolution: '1m',
      ...range(),
      ...rest,
    });

  it('come each by itself', async () => {
    const { series } = await query({ device_ids: `${two.id},${one.id.toUpperCase()}` });
    expect(series.map(({ device_name }) => device_name).sort()).toEqual(['one', 'two']);
  });

  it.each([
    ['mean', { aggregation: 'mean' }, 5.25],
    ['sum', { aggregation: 'mean' }, 10.5],
    ['max', { aggregation: 'mean' }, 10],
    ['max', { aggregation: 'max' }, 10],
    ['min', { aggregation: 'min' }, 0],
    ['sum', { aggregation: 'count' }, 4],
  ])('become their %s of %j', async (combine, rest, first) => {
    const { series } = await query({ org_id: world.orgs.acme, tag: 'berlin', combine, ...rest });
    expect(series).toHaveLength(1);
    expect(series[0]).toMatchObject({ device_id: null, device_name: null });
    expect(series[0]?.v[0]).toBe(first);
  });

  it('are of one organisation, and of devices that exist', async () => {
    for (const id of [foreign.id, randomUUID()]) {
      for (const ids of [`${one.id},${id}`, `${id},${one.id}`]) {
        await expect(query({ device_ids: ids })).rejects.toMatchObject({
          code: 'device.not_found',
          errors: [{ path: 'device_ids', message: expect.any(String) }],
        });
      }
    }
    await expect(query({ org_id: world.orgs.globex })).rejects.toMatchObject({
      code: 'organization.not_found',
    });
    await expect(query({})).rejects.toMatchObject({ code: 'request.invalid', errors: [{ path: 'org_id' }] });
  });

  it('are seen by system admins, one organisation at a time', async () => {
    const asRoot = (ids: string) =>
      telemetry.queryMetrics(world.root, { metric_type: 'cpu', device_ids: ids, ...range() });
    expect((await asRoot(foreign.id)).series).toHaveLength(1);
    await expect(asRoot(`${one.id},${foreign.id}`)).rejects.toMatchObject({ code: 'device.not_found' });
  });
});

describe('an export of measurements', () => {
  it('goes over its pages without losing or doubling rows of one time', async () => {
    const many = await world.addDevice('acme', 'many');
    const rows = Array.from({ length: 5000 }, (_, index) => ({
      atMs: startMs + Math.max(0, index - 4500),
      type: 'many',
      value: { index },
    }));
    await world.addMetrics(many, rows);
    const exported = await collect(
      await telemetry.exportMetrics(world.member, { device_ids: many.id, ...range() }),
    );
    expect(exported).toHaveLength(5000);
    expect(new Set(exported.map(({ value }) => value.index)).size).toBe(5000);
  });

  it('gives every row once, in order, and leaves an audit row', async () => {
    const rows = await collect(
      await telemetry.exportMetrics(world.member, { org_id: world.orgs.acme, ...range() }),
    );
    const ours = rows.filter(({ device_name }) => device_name !== 'many');
    expect(ours).toHaveLength(42);
    expect(new Set(ours.map((row) => JSON.stringify(row))).size).toBe(42);
    expect(rows.find(({ labels }) => labels.mount === '/var')?.value).toEqual({ percent: 40, note: 'text' });
    const audit = await world.controlPlane.audit.list(world.admin, { org_id: world.orgs.acme });
    expect(audit.items[0]).toMatchObject({
      action: 'metrics.export',
      object: `organization:${world.orgs.acme}`,
      outcome: 'success',
      detail: { devices: 3, format: 'csv' },
    });
  });

  it('is refused, with an audit row, for another organisation', async () => {
    await expect(telemetry.exportMetrics(world.member, { org_id: world.orgs.globex })).rejects.toMatchObject({
      code: 'organization.not_found',
    });
    const audit = await world.controlPlane.audit.list(world.root, {});
    expect(audit.items[0]).toMatchObject({
      action: 'metrics.export',
      outcome: 'refused',
      organization_id: null,
    });
  });
});

describe('log lines', () => {
  const messages = (page: { items: { message: string }[] }) =>
    page.items.map(({ message }) => message.split(' ')[1]);
  const read = (query: object) => telemetry.deviceLogs(world.member, one.id, { limit: 10, ...query });

  it('lead to the oldest and back to the newest', async () => {
    const first = await read({});
    expect(messages(first)).toEqual(['24', '23', '22', '21', '20', '19', '18', '17', '16', '15']);
    const second = await read({ cursor: first.older_cursor });
    const third = await read({ cursor: second.older_cursor });
    expect(messages(third)).toEqual(['4', '3', '2', '1', '0']);
    expect(third.older_cursor).toBeNull();
    const back = await read({ cursor: third.newer_cursor });
    expect(messages(back)).toEqual(messages(second));
    const end = await read({ cursor: first.newer_cursor });
    expect(end.items).toEqual([]);
    await world.addLogs(one, [{ atMs: startMs + 60_000, message: 'line new odd' }]);
    expect(messages(await read({ cursor: end.newer_cursor }))).toEqual(['new']);
  });

  it('are found by time, by permalink, by level, by word', async () => {
    const at = await read({ at: iso(startMs + 7000), limit: 2 });
    expect(messages(at)).toEqual(['7', '6']);
    const around = await read({ around: at.items[0]?.id, limit: 5 });
    expect(messages(around)).toEqual(['9', '8', '7', '6', '5']);
    expect(messages(await read({ around: at.items[0]?.id, limit: 1 }))).toEqual(['7']);
    expect(messages(await read({ level: 'error,critical', limit: 3 }))).toEqual(['20', '15', '10']);
    expect(messages(await read({ q: 'even -"line 24"', limit: 2 }))).toEqual(['22', '20']);
    expect(messages(await read({ to: iso(startMs + 3000) }))).toEqual(['2', '1', '0']);
  });

  it('keep their cursor to their filter', async () => {
    const { older_cursor } = await read({});
    await expect(read({ cursor: older_cursor, level: 'error' })).rejects.toMatchObject({
      code: 'request.cursor_invalid',
    });
    await expect(
      telemetry.searchLogs(world.stranger, { org_id: world.orgs.globex, cursor: older_cursor ?? '' }),
    ).rejects.toMatchObject({ code: 'request.cursor_invalid' });
    await expect(read({ cursor: older_cursor, at: iso(startMs) })).rejects.toMatchObject({
      errors: [{ path: 'cursor' }],
    });
  });

  it('name what is wrong with a search', async () => {
    await expect(read({ q: '-' })).rejects.toMatchObject({
      code: 'request.invalid',
      errors: [{ path: 'q' }],
    });
    await expect(read({ around: 'x' })).rejects.toMatchObject({ errors: [{ path: 'around' }] });
  });

  it('of a group are those of its devices alone', async () => {
    const all = await telemetry.searchLogs(world.member, { org_id: world.orgs.acme, limit: 1000 });
    expect(all.items.some(({ device_name }) => device_name === 'two')).toBe(true);
    expect(all.items.some(({ message }) => message.includes('foreign'))).toBe(false);
    const none = await telemetry.searchLogs(world.member, { org_id: world.orgs.acme, tag: 'nowhere' });
    expect(none.items).toEqual([]);
    const exported = await collect(
      await telemetry.exportLogs(world.member, { org_id: world.orgs.acme, service: 'other' }),
    );
    expect(exported.map(({ message }) => message)).toEqual(['of the other']);
    expect((await telemetry.logServices(world.member, two.id)).items).toEqual(['other']);
  });
});
