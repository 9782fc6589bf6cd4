import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { applyControl, type Leases, lowestLevel, shortestIntervalMs } from '../../../../agent/live/leases.ts';
import { createLive, type Live, type LiveChannel } from '../../../../agent/live/live.ts';
import { createLiveBatch, MAX_LIVE_BYTES, newestThatFit } from '../../../../agent/live/live-batch.ts';
import { createLogFeed, type LogFeed } from '../../../../agent/logs/log-feed.ts';
import {
  type Control,
  DEFAULT_TELEMETRY,
  decodeValue,
  LiveLogs,
  LiveMetrics,
  type LogLevel,
  type LogRecord,
  MAX_LEASES,
  type MetricRecord,
} from '../../../../broker/contract/index.ts';
import { silentLog } from '../silent-log.ts';

const lease = (id: string, more: Partial<Control> = {}): Control => ({
  kind: 'lease',
  lease_id: `lease-${id}`,
  stream: 'logs',
  ttl_ms: 12_500,
  ...more,
});
const record = (message: string, log_level: LogLevel = 'info'): LogRecord => ({
  timestamp: '2026-11-23T06:00:00.000Z',
  log_level,
  service_name: 'app',
  message,
});
const point: MetricRecord = {
  timestamp: '2026-11-23T06:00:00.000Z',
  metric_type: 'cpu',
  value: { percent: 1 },
};

describe('leases', () => {
  it('begin, are renewed, end by time and by word', () => {
    const begun = applyControl(new Map(), lease('a', { replay: 100 }), 0);
    expect(begun.replay).toBe(100);
    const renewed = applyControl(begun.leases, lease('a', { replay: 100, min_level: 'debug' }), 10_000);
    expect(renewed.replay).toBe(0);
    expect(lowestLevel(renewed.leases)).toBe('debug');
    expect(applyControl(renewed.leases, lease('b'), 22_499).leases.size).toBe(2);
    expect(applyControl(renewed.leases, lease('b'), 22_500).leases.size).toBe(1);
    expect(applyControl(renewed.leases, lease('a', { ttl_ms: 0 }), 10_001).leases.size).toBe(0);
    expect(applyControl(new Map(), lease('x', { ttl_ms: 0 }), 0).leases.size).toBe(0);
  });

  it('are at most eight; a known one is renewed all the same', () => {
    let leases: Leases = new Map();
    for (let number = 0; number < MAX_LEASES; number += 1)
      leases = applyControl(leases, lease(`${number}`), 0).leases;
    expect(applyControl(leases, lease('more'), 1)).toMatchObject({ isRefused: true, replay: 0 });
    expect(applyControl(leases, lease('0'), 1)).toMatchObject({ isRefused: false });
  });

  it('together want the lowest level and the shortest interval', () => {
    const messages = [
      lease('a', { min_level: 'error' }),
      lease('b', { min_level: 'warning' }),
      lease('c', { stream: 'metrics', interval_ms: 5000, min_level: 'debug' }),
      lease('d', { stream: 'metrics' }),
    ];
    const leases = messages.reduce<Leases>(
      (held, message) => applyControl(held, message, 0).leases,
      new Map(),
    );
    expect(lowestLevel(leases)).toBe('warning');
    expect(shortestIntervalMs(leases)).toBe(2000);
    expect(lowestLevel(new Map())).toBeNull();
  });
});

describe('a live message', () => {
  it('holds at most 500 records and 128 KiB', () => {
    const batch = createLiveBatch<LogRecord>();
    for (let number = 0; number < 600; number += 1) batch.add(record(`line ${number}`));
    const taken = batch.take();
    expect([taken?.records.length, taken?.skipped]).toEqual([500, 100]);
    for (let number = 0; number < 20; number += 1) batch.add(record('ü'.repeat(8000)));
    const wide = batch.take();
    expect((wide?.records.length ?? 0) + (wide?.skipped ?? 0)).toBe(20);
    expect(Buffer.byteLength(JSON.stringify({ seq: 99_999_999, ...wide }))).toBeLessThanOrEqual(
      MAX_LIVE_BYTES,
    );
    const many = Array.from({ length: 20 }, (_, index) => record(`${index} ${'x'.repeat(16_000)}`));
    expect(newestThatFit(many).at(-1)).toBe(many.at(-1));
    expect(newestThatFit(many).length).toBe(8);
  });
});

describe('createLive', () => {
  let nowMs: number;
  let feed: LogFeed;
  let live: Live;
  let sent: { channel: LiveChannel; payload: LiveLogs | LiveMetrics }[];
  let answer: boolean | Promise<boolean>;
  let stored: LogRecord[];
  let samples: number;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    nowMs = 1_000_000;
    sent = [];
    stored = [];
    samples = 0;
    answer = true;
    feed = createLogFeed({ settings: DEFAULT_TELEMETRY, sink: (records) => void stored.push(...records) });
    live = createLive({
      logs: feed,
      now: () => nowMs,
      log: silentLog(),
      publish: (channel, payload) => {
        const decoded = decodeValue(channel === 'live/logs' ? LiveLogs : LiveMetrics, payload);
        if (!decoded.ok) throw new Error(decoded.reason);
        if (answer !== false) sent.push({ channel, payload });
        return answer;
      },
      sampleMetrics: async () => {
        samples += 1;
        return [point];
      },
    });
  });
  afterEach(() => {
    live.stop();
    vi.useRealTimers();
  });

  const pass = async (ms: number): Promise<void> => {
    for (let done = 0; done < ms; done += 250) {
      nowMs += 250;
      vi.advanceTimersByTime(250);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const lines = () =>
    sent.flatMap(({ channel, payload }) =>
      channel === 'live/logs' ? (payload as LiveLogs).records.map(({ message }) => message) : [],
    );

  it('says nothing and measures nothing without a lease, and has no timer', async () => {
    await feed.offer(record('unseen'));
    await pass(10_000);
    expect([sent.length, samples, vi.getTimerCount()]).toEqual([0, 0, 0]);
  });

  it('answers a new lease on a quiet log with one empty message', async () => {
    live.control(lease('a'));
    await pass(250);
    expect(sent.map(({ payload }) => [payload.seq, payload.records.length])).toEqual([[1, 0]]);
    live.control(lease('a'));
    await pass(2000);
    expect(sent).toHaveLength(1);
  });

  it('sends the buffer first, then what comes, in batches', async () => {
    await feed.offer(record('old 1'));
    await feed.offer(record('old 2'));
    live.control(lease('a', { replay: 1 }));
    expect(lines()).toEqual(['old 2']);
    await feed.offer(record('new 1'));
    await feed.offer(record('new 2'));
    expect(sent.length).toBe(1);
    await pass(250);
    expect(lines()).toEqual(['old 2', 'new 1', 'new 2']);
    expect(sent.map(({ payload }) => payload.seq)).toEqual([1, 2]);
    live.control(lease('a', { replay: 1 }));
    await pass(250);
    expect(sent.length).toBe(2);
  });

  it('streams what a viewer wants to see below the level that is stored', async () => {
    live.control(lease('a', { min_level: 'debug' }));
    await feed.offer(record('chatter', 'debug'));
    await pass(250);
    expect(lines()).toEqual(['chatter']);
    expect(stored).toEqual([]);
    live.control(lease('a', { min_level: 'error' }));
    await feed.offer(record('chatter', 'debug'));
    await feed.offer(record('failed', 'error'));
    await pass(250);
    expect(lines()).toEqual(['chatter', 'failed']);
  });

  it('ends 12.5 s after the last renewal, and at once when the session or the lease ends', async () => {
    live.control(lease('a'));
    await pass(10_000);
    live.control(lease('a'));
    await pass(12_250);
    await feed.offer(record('still'));
    await pass(250);
    await feed.offer(record('no more'));
    await pass(1000);
    expect(lines()).not.toContain('no more');
    expect(vi.getTimerCount()).toBe(0);
    for (const end of [() => live.sessionEnded(), () => live.control(lease('b', { ttl_ms: 0 }))]) {
      live.control(lease('b'));
      expect(vi.getTimerCount()).toBe(1);
      end();
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  it('measures every 2 s, or as often as it is asked, and stops', async () => {
    live.control(lease('m', { stream: 'metrics' }));
    await pass(6000);
    expect(samples).toBe(3);
    live.control(lease('m', { stream: 'metrics', interval_ms: 1000 }));
    await pass(3000);
    expect(samples).toBe(6);
    expect(sent.every(({ channel }) => channel === 'live/metrics')).toBe(true);
    live.control(lease('m', { stream: 'metrics', ttl_ms: 0 }));
    await pass(5000);
    expect(samples).toBe(6);
  });

  it('counts what could not be sent, and keeps nothing of it', async () => {
    live.control(lease('a'));
    answer = false;
    for (const message of ['one', 'two']) {
      await feed.offer(record(message));
      await pass(250);
    }
    answer = true;
    await feed.offer(record('three'));
    await pass(250);
    expect(lines()).toEqual(['three']);
    expect(sent[0]?.payload).toMatchObject({ seq: 1, skipped: 2 });
  });

  it('has one message on its way at a time behind a stalled socket', async () => {
    let release = (_: boolean): void => undefined;
    answer = new Promise<boolean>((resolve) => {
      release = resolve;
    });
    live.control(lease('a'));
    for (let number = 0; number < 700; number += 1) {
      await feed.offer(record(`line ${number}`));
      if (number === 0) await pass(250);
    }
    await pass(1000);
    expect(sent.length).toBe(1);
    release(true);
    answer = true;
    await pass(500);
    expect(sent.map(({ payload }) => [payload.seq, payload.skipped, payload.records.length])).toEqual([
      [1, 0, 1],
      [2, 199, 500],
    ]);
  });
});
