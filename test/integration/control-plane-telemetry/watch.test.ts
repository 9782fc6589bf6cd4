/** Looking at a device live, over a real broker: leases, replays, redaction, and how it ends. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Control, decodePayload, LEASE_TTL_MS, type LogRecord, topicFor } from '#contract';
import type { LiveUpdate } from '#control-plane';
import type { Device } from '#db';
import type { RawClient } from '../../support/raw-mqtt-client.ts';
import { openWorld, type World } from './world.ts';

let world: World;
let device: Device;
let client: RawClient;
let controls: Control[];

beforeEach(async () => {
  world = await openWorld();
  device = await world.addDevice('acme', 'watched');
  client = await world.connect(device);
  controls = [];
  client.onPublish((packet) => {
    const decoded = decodePayload('control', Buffer.from(packet.payload));
    if (!decoded.ok) throw new Error(decoded.reason);
    controls.push(decoded.value);
  });
});
afterEach(() => world.stop());

const until = (condition: () => boolean) =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 10_000, interval: 10 });
const line = (message: string, seconds = 0, level: LogRecord['log_level'] = 'info'): LogRecord => ({
  timestamp: new Date(Date.UTC(2026, 10, 23, 6, 0, seconds)).toISOString(),
  log_level: level,
  service_name: 'vllm',
  message,
});
let seq = 0;
function stream(...records: LogRecord[]): void {
  seq += 1;
  client.send({
    cmd: 'publish',
    topic: topicFor('live/logs', { org: 'acme', device: device.id }),
    payload: JSON.stringify({ seq, skipped: 0, records }),
    qos: 0,
    dup: false,
    retain: false,
  });
}
async function look(query: { min_level?: LogRecord['log_level']; replay?: number } = {}) {
  const updates: LiveUpdate[] = [];
  const leave = await world.controlPlane.telemetry.watch(
    world.member,
    device.id,
    { stream: 'logs', ...query },
    (update) => updates.push(update),
  );
  return {
    leave,
    updates,
    lines: () =>
      updates.flatMap((update) =>
        update.kind === 'logs' ? update.records.map(({ message }) => message) : [],
      ),
    states: () => updates.flatMap((update) => (update.kind === 'state' ? [update.state] : [])),
  };
}

describe('a look at a device', () => {
  it('asks it to stream, shows what it says, and ends the lease at once', async () => {
    const viewer = await look({ replay: 20, min_level: 'warning' });
    expect(viewer.states()).toEqual(['offline']);
    await until(() => controls.length > 0);
    expect(controls[0]).toMatchObject({
      kind: 'lease',
      stream: 'logs',
      ttl_ms: LEASE_TTL_MS,
      replay: 20,
      min_level: 'warning',
    });
    stream(line('one', 1, 'error'), line('too low', 1, 'info'));
    await until(() => viewer.lines().length > 0);
    expect(viewer.lines()).toEqual(['one']);
    expect(viewer.states()).toEqual(['offline', 'streaming']);
    viewer.leave();
    await until(() => controls.at(-1)?.ttl_ms === 0);
    expect(controls.at(-1)?.lease_id).toBe(controls[0]?.lease_id);
    stream(line('unheard', 2, 'error'));
    const after = await look();
    await until(() => controls.at(-1)?.ttl_ms !== 0);
    stream(line('heard', 3));
    await until(() => after.lines().length > 0);
    expect(after.lines()).toEqual(['heard']);
    expect(viewer.lines()).toEqual(['one']);
    after.leave();
  });

  it('hides what the organisation’s rules hide', async () => {
    await world.controlPlane.telemetry.updateSettings(world.admin, world.orgs.acme, {
      version: 0,
      metrics: { interval_seconds: 30, aggregate_seconds: 0 },
      logs: { min_level: 'info' },
      redaction: { rules: [{ name: 'badge', pattern: 'BADGE-[0-9]{6}' }], disabled_builtin: [] },
      retention_days: { metrics: 1, metrics_1m: 1, metrics_1h: 1, metrics_1d: 1, logs: 1 },
      unknown_metrics: 'declare',
    });
    const viewer = await look();
    await until(() => controls.length > 0);
    stream(line('BADGE-123456 opened'));
    await until(() => viewer.lines().length > 0);
    expect(viewer.lines()).toEqual(['[redacted:badge] opened']);
    viewer.leave();
  });

  it('shares one lease, at the lowest level, and brings a later viewer its replay without doubling others’ lines', async () => {
    const first = await look({ min_level: 'error' });
    await until(() => controls.length > 0);
    stream(line('live 1', 10, 'error'));
    await until(() => first.lines().length === 1);
    const second = await look({ min_level: 'info', replay: 5 });
    await until(() => controls.some(({ replay }) => replay === 5));
    const shared = controls[0]?.lease_id;
    const own = controls.find(({ replay }) => replay === 5);
    expect(own?.lease_id).not.toBe(shared);
    expect(controls.filter(({ lease_id }) => lease_id === shared).at(-1)?.min_level).toBe('info');
    // The replay, then a new line.
    stream(line('before', 5, 'error'), line('live 1', 10, 'error'));
    stream(line('live 2', 11, 'error'));
    await until(() => second.lines().includes('live 2') && first.lines().includes('live 2'));
    expect(first.lines()).toEqual(['live 1', 'live 2']);
    expect(second.lines()).toEqual(['before', 'live 1', 'live 2']);
    second.leave();
    await until(() => controls.at(-1)?.ttl_ms === 0);
    expect(controls.at(-1)?.lease_id).toBe(own?.lease_id);
    stream(line('live 3', 12, 'error'));
    await until(() => first.lines().includes('live 3'));
    first.leave();
  });

  it('tells of messages that were lost', async () => {
    const viewer = await look();
    await until(() => controls.length > 0);
    stream(line('a', 1));
    seq += 3;
    stream(line('b', 2));
    await until(() => viewer.lines().length === 2);
    const skipped = viewer.updates.flatMap((update) => (update.kind === 'logs' ? [update.skipped] : []));
    expect(skipped).toEqual([0, 3]);
    viewer.leave();
  });

  it('is told when the device goes and comes', async () => {
    const viewer = await look();
    await until(() => controls.length > 0);
    stream(line('a', 1));
    await until(() => viewer.states().at(-1) === 'streaming');
    const event = {
      kind: 'device.changed' as const,
      organization_id: world.orgs.acme,
      device_id: device.id,
      at: new Date().toISOString(),
    };
    await world.database.notify('edge_live', { ...event, status: 'offline', observation: 'offline' });
    await until(() => viewer.states().at(-1) === 'offline');
    const asked = controls.length;
    await world.database.notify('edge_live', { ...event, status: 'online', observation: 'online' });
    await until(() => viewer.states().at(-1) === 'waiting');
    await until(() => controls.length > asked);
    viewer.leave();
  });

  it('is one of at most eight, and a place is free again when one leaves', async () => {
    const viewers = await Promise.all(Array.from({ length: 8 }, () => look()));
    await expect(look()).rejects.toMatchObject({ code: 'rate.limited' });
    viewers[0]?.leave();
    viewers[0]?.leave();
    viewers.push(await look());
    await expect(look()).rejects.toMatchObject({ code: 'rate.limited' });
    for (const { leave } of viewers) leave();
  });

  it('is for people of its organisation', async () => {
    const asStranger = world.controlPlane.telemetry.watch(
      world.stranger,
      device.id,
      { stream: 'logs' },
      () => undefined,
    );
    await expect(asStranger).rejects.toMatchObject({ code: 'device.not_found' });
    await expect(world.controlPlane.telemetry.mayWatch(world.stranger, device.id)).rejects.toMatchObject({
      code: 'device.not_found',
    });
  });
});
