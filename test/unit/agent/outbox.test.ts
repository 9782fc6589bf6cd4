/** The outbox on a real SQLite file: numbering, acknowledgement, pressure, age, damage, and the sender's patience. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MetricRecord, MetricsBatch } from '#contract';
import { decideAck } from '../../../agent/outbox/ack-decision.ts';
import type { OutboxLimits } from '../../../agent/outbox/limits.ts';
import { type Outbox, openOutbox } from '../../../agent/outbox/outbox.ts';
import { createSender, RESEND_AFTER_MS } from '../../../agent/outbox/sender.ts';
import { thin } from '../../../agent/outbox/thinning.ts';
import { silentLog } from './silent-log.ts';

let dir: string;
let file: string;
let nowMs: number;
let ids: number;
let open: Outbox[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'outbox-'));
  file = join(dir, 'outbox.sqlite');
  nowMs = Date.parse('2026-11-23T06:00:00Z');
  ids = 0;
  open = [];
});
afterEach(() => {
  for (const outbox of open) outbox.close();
  rmSync(dir, { recursive: true, force: true });
});

const start = (limits: Partial<OutboxLimits> = {}, lines: string[] = []): Outbox => {
  const outbox = openOutbox({
    file,
    log: silentLog(lines),
    now: () => new Date(nowMs),
    newId: () => `boot-id-${++ids}`,
    limits,
  });
  open.push(outbox);
  return outbox;
};
const close = (outbox: Outbox): void => {
  open.splice(open.indexOf(outbox), 1);
  outbox.close();
};
const record = (percent: number, metric_type = 'cpu'): MetricRecord => ({
  timestamp: new Date(nowMs).toISOString(),
  metric_type,
  value: { percent },
});
const percents = (batch: MetricsBatch | null): unknown[] | undefined =>
  batch?.records.map(({ value }) => value.percent);
const many = (count: number, from = 0): MetricRecord[] =>
  Array.from({ length: count }, (_, index) => record(from + index));

describe('the outbox', () => {
  it('hands out the same batch until it is acknowledged, then the next number', () => {
    const outbox = start();
    outbox.append([record(1), record(2)]);
    const first = outbox.next();
    outbox.append([record(3)]);
    expect(outbox.next()).toEqual(first);
    expect(first).toMatchObject({ boot_id: 'boot-id-1', seq: 1 });
    expect(outbox.acknowledge({ boot_id: 'boot-id-1', seq: 1 })).toBe('forget');
    const second = outbox.next();
    expect([second?.seq, percents(second)]).toEqual([2, [3]]);
    outbox.acknowledge({ boot_id: 'boot-id-1', seq: 2 });
    expect(outbox.next()).toBeNull();
    expect(outbox.depth()).toEqual({ records: 0, bytes: 0, dropped: 0 });
  });

  it('keeps numbering, content and totals over a restart', () => {
    const before = start();
    before.append([record(1)]);
    const batch = before.next();
    before.append([record(2)]);
    const depth = before.depth();
    close(before);
    const after = start();
    expect(after.next()).toEqual(batch);
    expect(after.depth()).toEqual(depth);
  });

  it('seals batches of bounded records and bytes', () => {
    const outbox = start({ batchRecords: 10, batchBytes: 10_000 });
    outbox.append(many(25));
    const sizes: number[] = [];
    for (let batch = outbox.next(); batch !== null; batch = outbox.next()) {
      sizes.push(batch.records.length);
      outbox.acknowledge(batch);
    }
    expect(sizes).toEqual([10, 10, 5]);

    const small = { ...record(0), value: { text: 'x'.repeat(100) } };
    close(outbox);
    const narrow = start({ batchRecords: 1000, batchBytes: 1000 });
    narrow.append(Array.from({ length: 20 }, () => small));
    expect(narrow.next()?.records.length).toBeLessThan(7);
  });

  it('numbers anew what it holds, oldest first, after a server that forgot', () => {
    const outbox = start({ batchRecords: 1 });
    outbox.append(many(3));
    outbox.acknowledge(outbox.next() ?? { boot_id: '', seq: 0 });
    expect(outbox.next()?.seq).toBe(2);
    expect(outbox.acknowledge({ boot_id: 'boot-id-1', seq: 0 })).toBe('renumber');
    outbox.renumber();
    const batch = outbox.next();
    expect([batch?.seq, percents(batch), batch?.boot_id === 'boot-id-1']).toEqual([1, [1], false]);
  });

  it('thins measurements ten to one when full, then drops the oldest, and counts what is lost', () => {
    const outbox = start({ batchRecords: 100, maxBytes: 30_000 });
    for (let index = 0; index < 400; index += 1) outbox.append([record(index)]);
    const { records, bytes, dropped } = outbox.depth();
    expect(bytes).toBeLessThanOrEqual(30_000);
    expect(records + dropped).toBe(400);
    expect(dropped).toBeGreaterThan(0);
    expect(percents(outbox.next())?.slice(0, 3)).toEqual([0, 10, 20]);

    for (let index = 0; index < 20_000; index += 10) outbox.append(many(10, index));
    expect(outbox.depth().bytes).toBeLessThanOrEqual(30_000);
    expect(outbox.depth().records + outbox.depth().dropped).toBe(20_400);
  });

  it('never changes a batch that has a number, however full it gets', () => {
    const outbox = start({ batchRecords: 100, maxBytes: 15_000 });
    outbox.append(many(100));
    const sent = outbox.next();
    for (let index = 0; index < 2000; index += 1) outbox.append([record(index)]);
    expect(outbox.next()).toEqual(sent);
    outbox.acknowledge(sent ?? { boot_id: '', seq: 0 });
    expect(outbox.next()?.seq).toBe(2);
  });

  it('gives up what is older than the age limit, but not the batch on its way', () => {
    const outbox = start({ batchRecords: 1, maxAgeMs: 1000 });
    outbox.append(many(3));
    const sent = outbox.next();
    nowMs += 2000;
    outbox.append([record(9)]);
    expect(outbox.next()).toEqual(sent);
    outbox.acknowledge(sent ?? { boot_id: '', seq: 0 });
    expect(percents(outbox.next())).toEqual([9]);
    expect(outbox.depth().dropped).toBe(2);
  });

  it('moves a damaged file aside, goes on with a fresh one and says so', () => {
    writeFileSync(file, 'this is no database at all '.repeat(400));
    const lines: string[] = [];
    const outbox = start({}, lines);
    outbox.append([record(1)]);
    expect(percents(outbox.next())).toEqual([1]);
    expect(lines.join()).toContain('outbox damaged');
  });

  it('refuses a second agent on the same file', () => {
    start();
    expect(() => start()).toThrow(/another agent/);
  });
});

describe('thin', () => {
  it('keeps every tenth of each series, so that no kind of measurement vanishes', () => {
    const mixed = Array.from({ length: 40 }, (_, index) => record(index, index % 2 === 0 ? 'cpu' : 'memory'));
    expect(thin(mixed).map(({ metric_type, value }) => [metric_type, value.percent])).toEqual([
      ['cpu', 0],
      ['memory', 1],
      ['cpu', 20],
      ['memory', 21],
    ]);
    expect(thin([record(5)])).toHaveLength(1);
  });
});

describe('decideAck', () => {
  it.each([
    ['forgets the batch on its way', { lastSeq: 5, isWaiting: true }, { boot_id: 'b', seq: 5 }, 'forget'],
    [
      'sends again when the server waits for it',
      { lastSeq: 5, isWaiting: true },
      { boot_id: 'b', seq: 4 },
      'resend',
    ],
    [
      'renumbers for a server that lost more',
      { lastSeq: 5, isWaiting: true },
      { boot_id: 'b', seq: 3 },
      'renumber',
    ],
    [
      'renumbers when the server knows more than was sent',
      { lastSeq: 5, isWaiting: true },
      { boot_id: 'b', seq: 6 },
      'renumber',
    ],
    ['ignores an echo', { lastSeq: 5, isWaiting: false }, { boot_id: 'b', seq: 5 }, 'ignore'],
    ['ignores another numbering', { lastSeq: 5, isWaiting: true }, { boot_id: 'x', seq: 5 }, 'ignore'],
    [
      'sends the first when nothing is known',
      { lastSeq: 1, isWaiting: true },
      { boot_id: 'b', seq: 0 },
      'resend',
    ],
  ])('%s', (_sentence, numbering, ack, expected) => {
    expect(decideAck({ bootId: 'b', ...numbering }, ack)).toBe(expected);
  });
});

describe('the sender', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const ack = (batch: MetricsBatch | undefined, more: { retry_after_ms?: number } = {}) => ({
    stream: 'metrics' as const,
    boot_id: batch?.boot_id ?? '',
    seq: batch?.seq ?? 0,
    ...more,
  });
  const startSender = (outbox: Outbox, sent: MetricsBatch[]) =>
    createSender({ outbox, log: silentLog(), publish: (batch) => sent.push(batch) });

  it('sends one batch at a time, again after 10 s, and the next after the acknowledgement', () => {
    const outbox = start({ batchRecords: 1 });
    const sent: MetricsBatch[] = [];
    const sender = startSender(outbox, sent);
    outbox.append(many(2));
    sender.wake();
    vi.advanceTimersByTime(60_000);
    expect(sent).toEqual([]);
    sender.start();
    vi.advanceTimersByTime(0);
    expect(sent.map(({ seq }) => seq)).toEqual([1]);
    vi.advanceTimersByTime(RESEND_AFTER_MS);
    expect(sent.map(({ seq }) => seq)).toEqual([1, 1]);
    sender.acknowledged(ack(sent[0]));
    vi.advanceTimersByTime(100);
    expect(sent.map(({ seq }) => seq)).toEqual([1, 1, 2]);
    sender.acknowledged(ack(sent[2]));
    vi.advanceTimersByTime(60_000);
    expect(sent).toHaveLength(3);
    outbox.append([record(7)]);
    sender.wake();
    vi.advanceTimersByTime(100);
    expect(sent.map(({ seq }) => seq)).toEqual([1, 1, 2, 3]);
    sender.pause();
  });

  it('sends what was on its way again after a reconnect', () => {
    const outbox = start();
    const sent: MetricsBatch[] = [];
    const sender = startSender(outbox, sent);
    outbox.append([record(1)]);
    sender.start();
    vi.advanceTimersByTime(0);
    sender.pause();
    vi.advanceTimersByTime(60_000);
    expect(sent).toHaveLength(1);
    sender.start();
    vi.advanceTimersByTime(0);
    expect(sent).toEqual([sent[0], sent[0]]);
    sender.pause();
  });

  it('waits as long as the server asks for', () => {
    const outbox = start({ batchRecords: 1 });
    const sent: MetricsBatch[] = [];
    const sender = startSender(outbox, sent);
    outbox.append(many(2));
    sender.start();
    vi.advanceTimersByTime(0);
    sender.acknowledged(ack(sent[0], { retry_after_ms: 5000 }));
    vi.advanceTimersByTime(4999);
    expect(sent).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(sent).toHaveLength(2);
    sender.pause();
  });

  it('starts a new numbering only when a cursor that cannot be met is said twice', () => {
    const outbox = start({ batchRecords: 1 });
    const sent: MetricsBatch[] = [];
    const sender = startSender(outbox, sent);
    outbox.append(many(4));
    sender.start();
    for (const count of [1, 2, 3]) {
      vi.advanceTimersByTime(100);
      expect(sent).toHaveLength(count);
      if (count < 3) sender.acknowledged(ack(sent.at(-1)));
    }
    const restored = { stream: 'metrics' as const, boot_id: 'boot-id-1', seq: 0 };
    sender.acknowledged(restored);
    vi.advanceTimersByTime(100);
    expect(sent.at(-1)).toEqual(sent.at(-2));
    sender.acknowledged(restored);
    vi.advanceTimersByTime(100);
    expect(sent.at(-1)).toMatchObject({ seq: 1, records: sent.at(-2)?.records });
    expect(sent.at(-1)?.boot_id).not.toBe('boot-id-1');
    sender.pause();
  });
});
