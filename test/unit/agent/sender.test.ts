/** The sender's patience: one batch at a time in each lane, resending, renumbering, and a capped backlog beside live data. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Ack, Sealed, Stream } from '#contract';
import { decideAck } from '../../../agent/outbox/ack-decision.ts';
import type { Outbox } from '../../../agent/outbox/outbox.ts';
import { createSender, RESEND_AFTER_MS, type Sender } from '../../../agent/outbox/sender.ts';
import { OutboxWorld } from './outbox-world.ts';
import { silentLog } from './silent-log.ts';

describe('decideAck', () => {
  it.each([
    ['forgets the batch on its way', { lastSeq: 5, isWaiting: true }, { boot_id: 'b', seq: 5 }, 'forget'],
    [
      'sends again when the server waits',
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
      'renumbers for one that knows more',
      { lastSeq: 5, isWaiting: true },
      { boot_id: 'b', seq: 6 },
      'renumber',
    ],
    ['ignores an echo', { lastSeq: 5, isWaiting: false }, { boot_id: 'b', seq: 5 }, 'ignore'],
    ['ignores another numbering', { lastSeq: 5, isWaiting: true }, { boot_id: 'x', seq: 5 }, 'ignore'],
    [
      'sends the first when none is known',
      { lastSeq: 1, isWaiting: true },
      { boot_id: 'b', seq: 0 },
      'resend',
    ],
  ])('%s', (_sentence, numbering, ack, expected) => {
    expect(decideAck({ bootId: 'b', ...numbering }, ack)).toBe(expected);
  });
});

interface Sent {
  readonly stream: Stream;
  readonly batch: Sealed<{ backfill?: boolean; records: readonly object[] }>;
  readonly atMs: number;
}

describe('the sender', () => {
  let world: OutboxWorld;
  let sent: Sent[];
  let isAnswered: boolean;
  beforeEach(() => {
    vi.useFakeTimers();
    world = new OutboxWorld();
    sent = [];
    isAnswered = true;
  });
  afterEach(() => {
    world.end();
    vi.useRealTimers();
  });
  const start = (outbox: Outbox): Sender =>
    createSender({
      outbox,
      log: silentLog(),
      publish: (stream, batch) => {
        sent.push({ stream, batch, atMs: performance.now() });
        return isAnswered ? Promise.resolve(true) : new Promise(() => undefined);
      },
    });
  const ackOf = ({ stream, batch }: Sent, more: Partial<Ack> = {}): [Stream, Ack] => [
    stream,
    { stream, boot_id: batch.boot_id, seq: batch.seq, ...more },
  ];
  const last = (): Sent => {
    const newest = sent.at(-1);
    if (newest === undefined) throw new Error('nothing was sent');
    return newest;
  };
  const seqs = (): number[] => sent.map(({ batch }) => batch.seq);
  const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

  it('sends one batch at a time, again after 10 s, and the next after the acknowledgement', async () => {
    const outbox = world.open({ batchRecords: 1 });
    const sender = start(outbox);
    outbox.append('metrics', world.metrics(2));
    sender.wake('metrics');
    await pass(60_000);
    expect(sent).toEqual([]);
    sender.start();
    await pass(0);
    expect(seqs()).toEqual([1]);
    await pass(RESEND_AFTER_MS);
    expect(seqs()).toEqual([1, 1]);
    sender.acknowledged(...ackOf(last()));
    await pass(100);
    expect(seqs()).toEqual([1, 1, 2]);
    sender.acknowledged(...ackOf(last()));
    await pass(60_000);
    expect(sent).toHaveLength(3);
    outbox.append('metrics', [world.metric(7)]);
    sender.wake('metrics');
    await pass(100);
    expect([last().batch.seq, last().batch.backfill]).toEqual([1, undefined]);
    sender.pause();
  });

  it('keeps what is new moving while a backlog is sent at 20 batches a second', async () => {
    const outbox = world.open({ batchRecords: 1 });
    for (const stream of ['metrics', 'logs'] as const) {
      for (let index = 0; index < 100; index += 1) {
        if (stream === 'metrics') outbox.append(stream, [world.metric(index)]);
        else outbox.append(stream, [world.logLine(String(index))]);
      }
    }
    const sender = start(outbox);
    sender.start();
    for (let tick = 0; tick < 2000; tick += 5) {
      if (tick % 500 === 0) {
        outbox.append('events', [world.event(String(tick))]);
        sender.wake('events');
      }
      const before = sent.length;
      await pass(5);
      for (const one of sent.slice(before)) sender.acknowledged(...ackOf(one));
    }
    sender.pause();
    const backlog = sent.filter(({ batch }) => batch.backfill === true);
    expect(backlog.length).toBeGreaterThan(36);
    expect(backlog.length).toBeLessThanOrEqual(41);
    const events = sent.filter(({ stream }) => stream === 'events');
    expect(events).toHaveLength(4);
    for (const [index, { atMs }] of events.entries()) {
      expect(atMs - (sent[0]?.atMs ?? 0) - index * 500).toBeLessThan(110);
    }
    for (const stream of ['metrics', 'logs'] as const) {
      const numbers = backlog.filter((one) => one.stream === stream).map(({ batch }) => batch.seq);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    }
  });

  it('sends what was on its way again after a reconnect', async () => {
    const outbox = world.open();
    const sender = start(outbox);
    outbox.append('metrics', [world.metric(1)]);
    sender.start();
    await pass(0);
    sender.pause();
    await pass(60_000);
    expect(sent).toHaveLength(1);
    sender.start();
    await pass(0);
    expect(sent.map(({ batch }) => batch)).toEqual([sent[0]?.batch, sent[0]?.batch]);
    sender.pause();
  });

  it('does not pile up publishes that the broker does not answer', async () => {
    const outbox = world.open();
    const sender = start(outbox);
    isAnswered = false;
    outbox.append('metrics', [world.metric(1)]);
    sender.start();
    await pass(5 * RESEND_AFTER_MS);
    expect(sent).toHaveLength(1);
    sender.pause();
    sender.start();
    await pass(0);
    expect(sent).toHaveLength(2);
    sender.pause();
  });

  it('waits as long as the server asks for', async () => {
    const outbox = world.open({ batchRecords: 1 });
    const sender = start(outbox);
    outbox.append('metrics', world.metrics(2));
    sender.start();
    await pass(0);
    sender.acknowledged(...ackOf(last(), { retry_after_ms: 5000 }));
    await pass(4999);
    expect(sent).toHaveLength(1);
    await pass(1);
    expect(sent).toHaveLength(2);
    sender.pause();
  });

  it('starts a new numbering only when a cursor that cannot be met is said twice', async () => {
    const outbox = world.open({ batchRecords: 1 });
    const sender = start(outbox);
    outbox.append('metrics', world.metrics(4));
    sender.start();
    for (const count of [1, 2, 3]) {
      await pass(100);
      expect(sent).toHaveLength(count);
      if (count < 3) sender.acknowledged(...ackOf(last()));
    }
    const restored = ackOf(last(), { seq: 0 });
    sender.acknowledged(...restored);
    await pass(100);
    expect(sent.at(-1)?.batch).toEqual(sent.at(-2)?.batch);
    sender.acknowledged(...restored);
    await pass(100);
    expect(sent.at(-1)?.batch).toMatchObject({ seq: 1, records: sent.at(-2)?.batch.records });
    expect(sent.at(-1)?.batch.boot_id).not.toBe(restored[1].boot_id);
    sender.pause();
  });
});
