/** A full outbox: what is given up first, that numbers hold, and that every lost record is counted. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { STREAMS } from '#contract';
import { OUTBOX_LIMITS } from '../../../agent/outbox/limits.ts';
import { planRelief, pressureOf, RELIEF_STEPS } from '../../../agent/outbox/relief.ts';
import { thin, withoutLevel } from '../../../agent/outbox/thinning.ts';
import { drain, limitsOf, OutboxWorld, percents } from './outbox-world.ts';

let world: OutboxWorld;
beforeEach(() => {
  world = new OutboxWorld();
});
afterEach(() => world.end());

describe('a full outbox', () => {
  it('thins measurements ten to one, then drops the oldest, and counts what is lost', () => {
    const outbox = world.open(limitsOf(30_000, { batchRecords: 100 }));
    for (let index = 0; index < 400; index += 1) outbox.append('metrics', [world.metric(index)]);
    const { records, bytes, dropped } = outbox.depth();
    expect(bytes).toBeLessThanOrEqual(30_000);
    expect(records + dropped).toBe(400);
    expect(dropped).toBeGreaterThan(0);
    expect(percents(outbox.next('metrics', 'live'))?.slice(0, 3)).toEqual([0, 10, 20]);
    for (let index = 0; index < 20_000; index += 10) outbox.append('metrics', world.metrics(10, index));
    expect(outbox.depth().bytes).toBeLessThanOrEqual(30_000);
    expect(outbox.depth().records + outbox.depth().dropped).toBe(20_400);
  });

  it('keeps its count of lost records over a restart', () => {
    const outbox = world.open(limitsOf(30_000, { batchRecords: 100 }));
    for (let index = 0; index < 400; index += 1) outbox.append('metrics', [world.metric(index)]);
    const depth = outbox.depth();
    world.close(outbox);
    expect(world.open().depth()).toEqual(depth);
  });

  it('never changes a batch that has a number, however full it gets', () => {
    const outbox = world.open(limitsOf(15_000, { batchRecords: 100 }));
    outbox.append('metrics', world.metrics(100));
    const sent = outbox.next('metrics', 'live');
    for (let index = 0; index < 2000; index += 1) outbox.append('metrics', [world.metric(index)]);
    expect(outbox.next('metrics', 'live')).toEqual(sent);
    outbox.acknowledge('metrics', sent ?? { boot_id: '', seq: 0 });
    expect(outbox.next('metrics', 'live')?.seq).toBe(2);
  });

  it('thins measurements before it touches logs, takes debug before info, and never events', () => {
    const outbox = world.open(limitsOf(120_000, { batchRecords: 50 }));
    const accepted = { events: 0, logs: 0, metrics: 0 };
    const levels = ['debug', 'info', 'warning', 'error'] as const;
    const seen: string[] = [];
    for (let round = 0; round < 400; round += 1) {
      outbox.append('metrics', world.metrics(10, round * 10));
      outbox.append(
        'logs',
        levels.map((level) => world.logLine(`${level} ${round}`, level)),
      );
      if (round % 50 === 0) outbox.append('events', [world.event(String(round))]);
      accepted.metrics += 10;
      accepted.logs += levels.length;
      accepted.events += round % 50 === 0 ? 1 : 0;
      const { events, logs, metrics } = outbox.depth().by_class ?? {};
      if ((logs?.dropped ?? 0) > 0 && !seen.includes('logs')) {
        seen.push('logs');
        expect(metrics?.dropped).toBeGreaterThan(0);
      }
      expect(events?.dropped).toBe(0);
    }
    expect(seen).toEqual(['logs']);
    const { by_class } = outbox.depth();
    for (const stream of STREAMS) {
      const { records = 0, dropped = 0 } = by_class?.[stream] ?? {};
      expect(records + dropped).toBe(accepted[stream]);
    }
    expect(outbox.depth().bytes).toBeLessThanOrEqual(120_000);
    const kept = drain(outbox, 'logs', 'live').flatMap(({ records }) => records.map((r) => r.message));
    const debug = kept.filter((message) => message.startsWith('debug')).length;
    const errors = kept.filter((message) => message.startsWith('error')).length;
    expect(debug).toBeLessThan(errors);
  });
});

describe('planRelief', () => {
  const MIB = 1024 * 1024;
  const bytes = (events: number, logs: number, metrics: number) => ({
    events: events * MIB,
    logs: logs * MIB,
    metrics: metrics * MIB,
  });

  it('asks for nothing while there is room, however one class has borrowed', () => {
    expect(planRelief(bytes(0, 240, 0), OUTBOX_LIMITS)).toEqual([]);
  });

  it('goes from thinning to events when all have their share', () => {
    expect(planRelief(bytes(20, 125, 125), OUTBOX_LIMITS)).toEqual(RELIEF_STEPS);
  });

  it('asks who borrowed first', () => {
    const steps = planRelief(bytes(1, 200, 60), OUTBOX_LIMITS);
    expect(steps.slice(0, 3)).toEqual(['drop_debug_logs', 'drop_info_logs', 'drop_logs']);
    expect(steps.at(-1)).toBe('drop_events');
  });

  it('tells how full a class is, by its bound or by the free room when that is more', () => {
    expect(pressureOf('logs', bytes(0, 60, 0), OUTBOX_LIMITS)).toBeCloseTo(60 / 256);
    expect(pressureOf('logs', bytes(16, 60, 120), OUTBOX_LIMITS)).toBeCloseTo(0.5);
    expect(pressureOf('logs', bytes(16, 130, 240), OUTBOX_LIMITS)).toBe(1);
  });
});

describe('thin', () => {
  it('keeps every tenth of each series, so that no kind of measurement vanishes', () => {
    const mixed = Array.from({ length: 40 }, (_, index) =>
      world.metric(index, index % 2 === 0 ? 'cpu' : 'memory'),
    );
    expect(thin(mixed).map(({ metric_type, value }) => [metric_type, value.percent])).toEqual([
      ['cpu', 0],
      ['memory', 1],
      ['cpu', 20],
      ['memory', 21],
    ]);
    expect(thin([world.metric(5)])).toHaveLength(1);
  });

  it('tells series apart by their labels, in whatever order they came', () => {
    const of = (labels: Record<string, string>) => world.metric(1, 'disk', labels);
    const kept = thin([
      of({ mount: '/' }),
      of({ mount: '/data' }),
      of({ a: '1', b: '2' }),
      of({ b: '2', a: '1' }),
    ]);
    expect(kept.map(({ labels }) => labels)).toEqual([
      { mount: '/' },
      { mount: '/data' },
      { a: '1', b: '2' },
    ]);
  });

  it('takes one level out of log lines', () => {
    const lines = [world.logLine('a', 'debug'), world.logLine('b', 'info')];
    expect(withoutLevel(lines, 'debug')).toEqual([lines[1]]);
  });
});
