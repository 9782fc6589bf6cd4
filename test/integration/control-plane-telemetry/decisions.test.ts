/** Settings, metric types, redaction tests, dead letters and the dashboard, over the real stores. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type BodyOf, DEFAULT_RETENTION_DAYS } from '#web-api';
import { createRedactionTester } from '../../../control-plane/telemetry/redaction-test.ts';
import { openWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.stop());

const body = (rest: Partial<BodyOf<'telemetry.update'>> = {}): BodyOf<'telemetry.update'> => ({
  version: 0,
  metrics: { interval_seconds: 10, aggregate_seconds: 60 },
  logs: { min_level: 'warning' },
  redaction: { rules: [{ name: 'badge', pattern: 'BADGE-[0-9]{6}' }], disabled_builtin: [] },
  retention_days: DEFAULT_RETENTION_DAYS,
  unknown_metrics: 'reject',
  ...rest,
});

describe('telemetry settings', () => {
  it('start as the product ships, change by version, and are told to all processes', async () => {
    const { telemetry } = world.controlPlane;
    const told: unknown[] = [];
    const listening = await world.database.listen('edge_telemetry', {
      onMessage: (payload) => told.push(payload),
      onResync: () => undefined,
    });
    const shipped = await telemetry.settings(world.member, world.orgs.acme);
    expect(shipped).toMatchObject({ version: 0, updated_by: null, unknown_metrics: 'declare' });
    expect(shipped.builtin_redaction.length).toBeGreaterThan(5);

    const saved = await telemetry.updateSettings(world.admin, world.orgs.acme, body());
    expect(saved).toMatchObject({
      version: 1,
      updated_by: 'admin@acme.example',
      logs: { min_level: 'warning' },
    });
    expect(await telemetry.settings(world.member, world.orgs.acme)).toEqual(saved);
    await vi.waitFor(() => expect(told).toEqual([{ organization_id: world.orgs.acme }]));
    await listening.stop();

    await expect(telemetry.updateSettings(world.admin, world.orgs.acme, body())).rejects.toMatchObject({
      code: 'telemetry.conflict',
    });
    const { items } = await world.controlPlane.audit.list(world.admin, { org_id: world.orgs.acme });
    expect(items.slice(0, 2).map(({ action, outcome }) => [action, outcome])).toEqual([
      ['telemetry.update', 'refused'],
      ['telemetry.update', 'success'],
    ]);
  });

  it('take no rule that cannot be used, and name it', async () => {
    const good = { name: 'badge', pattern: 'x' };
    for (const [redaction, path] of [
      [
        { rules: [good, { name: 'ahead', pattern: '(?=x)' }], disabled_builtin: [] },
        'redaction.rules.1.pattern',
      ],
      [{ rules: [good, good], disabled_builtin: [] }, 'redaction.rules.1.name'],
      [{ rules: [], disabled_builtin: ['nonsense'] }, 'redaction.disabled_builtin.0'],
    ] as const) {
      const change = body({
        version: 1,
        redaction: { rules: [...redaction.rules], disabled_builtin: [...redaction.disabled_builtin] },
      });
      await expect(
        world.controlPlane.telemetry.updateSettings(world.admin, world.orgs.acme, change),
      ).rejects.toMatchObject({ code: 'request.invalid', errors: [{ path }] });
    }
  });

  it('are changed by admins of the organisation alone', async () => {
    const { telemetry } = world.controlPlane;
    await expect(telemetry.updateSettings(world.member, world.orgs.acme, body())).rejects.toMatchObject({
      code: 'auth.forbidden',
    });
    await expect(telemetry.updateSettings(world.stranger, world.orgs.acme, body())).rejects.toMatchObject({
      code: 'organization.not_found',
    });
  });
});

describe('a redaction test', () => {
  beforeAll(async () => {
    await world.controlPlane.telemetry.updateSettings(world.stranger, world.orgs.globex, body());
  });
  const text = 'card BADGE-123456 opened';
  it('shows what the stored rules hide', async () => {
    const reply = await world.controlPlane.telemetry.testRedaction(world.stranger, world.orgs.globex, {
      text,
    });
    expect(reply.text).toBe('card [redacted:badge] opened');
    expect(reply.hits).toEqual([{ rule: 'badge', start: 5, end: 17 }]);
    expect(reply.micros).toBeGreaterThan(0);
  });
  it('shows what other rules would hide', async () => {
    const rules = [{ name: 'word', pattern: 'opened' }];
    const reply = await world.controlPlane.telemetry.testRedaction(world.stranger, world.orgs.globex, {
      text,
      rules,
    });
    expect(reply.text).toBe('card BADGE-123456 [redacted:word]');
    await expect(
      world.controlPlane.telemetry.testRedaction(world.stranger, world.orgs.globex, {
        text,
        rules: [{ name: 'broken', pattern: '(' }],
      }),
    ).rejects.toMatchObject({ code: 'request.invalid', errors: [{ path: 'rules.0.pattern' }] });
  });
  it('ends when its time is over', async () => {
    const tester = createRedactionTester(1);
    const rules = Array.from({ length: 50 }, (_, index) => ({
      name: `r${index}`,
      pattern: '(a|b)*c.{0,50}d',
    }));
    const work = { settings: { rules, disabled_builtin: [] }, text: 'ab'.repeat(30_000) };
    await expect(tester(work)).rejects.toMatchObject({
      code: 'request.invalid',
      errors: [{ path: 'rules', message: expect.stringContaining('1 ms') }],
    });
  });
});

describe('metric types', () => {
  it('are declared, changed, listed and forgotten', async () => {
    const { telemetry } = world.controlPlane;
    const declared = await telemetry.putMetricType(world.admin, world.orgs.acme, 'queue.depth', {
      unit: 'jobs',
    });
    expect(declared).toMatchObject({
      name: 'queue.depth',
      origin: 'declared',
      unit: 'jobs',
      kind: 'gauge',
      max_series: 100,
    });
    await telemetry.putMetricType(world.admin, world.orgs.acme, 'queue.depth', {
      unit: 'jobs',
      allowed_labels: ['queue'],
    });
    const { items } = await telemetry.metricTypes(world.member, world.orgs.acme);
    expect(items.find(({ name }) => name === 'cpu')?.origin).toBe('builtin');
    expect(items.find(({ name }) => name === 'queue.depth')?.allowed_labels).toEqual(['queue']);
    expect(
      (await telemetry.metricTypes(world.stranger, world.orgs.globex)).items.every(
        ({ origin }) => origin === 'builtin',
      ),
    ).toBe(true);
    await telemetry.deleteMetricType(world.admin, world.orgs.acme, 'queue.depth');
    await expect(
      telemetry.deleteMetricType(world.admin, world.orgs.acme, 'queue.depth'),
    ).rejects.toMatchObject({
      code: 'metric_type.not_found',
    });
  });
  it('that are built in stay as they are', async () => {
    const { telemetry } = world.controlPlane;
    const builtin = { code: 'metric_type.builtin' };
    await expect(telemetry.putMetricType(world.admin, world.orgs.acme, 'cpu', {})).rejects.toMatchObject(
      builtin,
    );
    await expect(telemetry.deleteMetricType(world.admin, world.orgs.acme, 'cpu')).rejects.toMatchObject(
      builtin,
    );
  });
  it('are bounded in number', async () => {
    const { telemetry } = world.controlPlane;
    const names = Array.from({ length: 500 }, (_, index) => `type_${index}`);
    await world.database.metricTypes.noteSeen(world.orgs.globex, names, new Date());
    await expect(
      telemetry.putMetricType(world.stranger, world.orgs.globex, 'one_more', {}),
    ).rejects.toMatchObject({
      code: 'metric_type.too_many',
    });
  });
});

describe('dead letters', () => {
  it('are shown redacted, to admins of their organisation and to system admins', async () => {
    const device = await world.addDevice('acme', 'letters');
    const letter = (orgSlug: string | null, id: string | null, sample: string) => ({
      orgSlug,
      device: id,
      channel: 'metrics',
      topic: `edge/v1/${orgSlug}/${id}/up/metrics`,
      reason: 'payload is not JSON in UTF-8',
      sample: Buffer.from(sample, 'latin1'),
      receivedAt: new Date(),
    });
    await world.database.telemetry.deadLetter([
      letter('acme', device.id, 'password=hunter2secret \xff'),
      letter('globex', null, 'theirs'),
      letter(null, null, 'of nobody'),
    ]);
    const { telemetry } = world.controlPlane;
    const own = await telemetry.deadLetters(world.admin, {});
    expect(own.items).toHaveLength(1);
    expect(own.items[0]).toMatchObject({ device_id: device.id, device_name: 'letters', channel: 'metrics' });
    expect(own.items[0]?.sample).not.toContain('hunter2secret');
    expect(own.items[0]?.sample).toContain('\\xff');
    expect((await telemetry.deadLetters(world.root, {})).total).toBe(3);
    expect((await telemetry.deadLetters(world.admin, { reason: 'nothing like it' })).items).toEqual([]);
    await expect(telemetry.deadLetters(world.member, {})).rejects.toMatchObject({ code: 'auth.forbidden' });
  });
});

describe('the dashboard', () => {
  it('counts the own organisation alone', async () => {
    const now = new Date();
    const minute = {
      at: new Date(Math.floor(now.getTime() / 60_000) * 60_000),
      messages: 2,
      points: 20,
      logLines: 3,
      deadLetters: 1,
      duplicates: 0,
      lagMsMax: 50,
      commitMsMax: 9,
    };
    await world.database.telemetry.addMinutes([
      { orgId: world.orgs.acme, ...minute },
      { orgId: world.orgs.globex, ...minute, points: 1000 },
    ]);
    const device = await world.addDevice('acme', 'dashboard');
    await world.addLogs(device, [{ atMs: now.getTime() - 5000, message: 'bad', level: 'error' }]);
    const own = await world.controlPlane.telemetry.dashboard(world.member, {});
    expect(own.by_type).toEqual({ gateway: own.total });
    expect(own.ingest.minutes).toHaveLength(60);
    expect(own.ingest.minutes.reduce((sum, { points }) => sum + points, 0)).toBe(20);
    expect(own.ingest).toMatchObject({ dead_letters_24h: 1, errors_24h: 1, rollup_lag_seconds: null });
    const all = await world.controlPlane.telemetry.dashboard(world.root, {});
    expect(all.ingest.minutes.reduce((sum, { points }) => sum + points, 0)).toBe(1020);
    expect(all.ingest.rollup_lag_seconds).toBeTypeOf('number');
  });
});
