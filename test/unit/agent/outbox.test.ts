/** The outbox on a real SQLite file: classes, lanes, numbering, acknowledgement, age, and files of older agents. */
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OUTBOX_LIMITS } from '../../../agent/outbox/limits.ts';
import { drain, OutboxWorld, percents } from './outbox-world.ts';

let world: OutboxWorld;
beforeEach(() => {
  world = new OutboxWorld();
});
afterEach(() => world.end());

describe('the outbox', () => {
  it('hands out the same batch until it is acknowledged, then the next number', () => {
    const outbox = world.open();
    outbox.append('metrics', world.metrics(2, 1));
    const first = outbox.next('metrics', 'live');
    outbox.append('metrics', [world.metric(3)]);
    expect(outbox.next('metrics', 'live')).toEqual(first);
    expect(first).toMatchObject({ seq: 1, records: world.metrics(2, 1) });
    expect(first?.backfill).toBeUndefined();
    const ack = { boot_id: first?.boot_id ?? '', seq: 1 };
    expect(outbox.acknowledge('metrics', ack)).toEqual({ lane: 'live', decision: 'forget' });
    const second = outbox.next('metrics', 'live');
    expect([second?.seq, percents(second), second?.boot_id === first?.boot_id]).toEqual([2, [3], true]);
    outbox.acknowledge('metrics', { ...ack, seq: 2 });
    expect(outbox.next('metrics', 'live')).toBeNull();
    expect(outbox.depth()).toMatchObject({ records: 0, bytes: 0, dropped: 0 });
  });

  it('keeps the classes apart: each has its own records, numbers and depth', () => {
    const outbox = world.open();
    outbox.append('metrics', world.metrics(3));
    outbox.append('logs', [world.logLine('a line')]);
    outbox.append('events', [world.event('hello')]);
    const batches = [
      outbox.next('metrics', 'live'),
      outbox.next('logs', 'live'),
      outbox.next('events', 'live'),
    ];
    expect(batches.map((batch) => [batch?.seq, batch?.records.length])).toEqual([
      [1, 3],
      [1, 1],
      [1, 1],
    ]);
    expect(new Set(batches.map((batch) => batch?.boot_id)).size).toBe(3);
    expect(outbox.acknowledge('logs', { boot_id: batches[0]?.boot_id ?? '', seq: 1 }).decision).toBe(
      'ignore',
    );
    outbox.acknowledge('logs', batches[1] ?? { boot_id: '', seq: 0 });
    expect(outbox.depth().by_class).toMatchObject({
      metrics: { records: 3, oldest_at: '2026-11-23T06:00:00.000Z' },
      logs: { records: 0, bytes: 0 },
      events: { records: 1 },
    });
    expect(outbox.depth().by_class?.logs?.oldest_at).toBeUndefined();
  });

  it('calls backlog what is held when a session begins, and live what comes then; each in order', () => {
    const outbox = world.open({ ...OUTBOX_LIMITS, batchRecords: 2 });
    outbox.append('metrics', world.metrics(3));
    outbox.startSession();
    outbox.append('metrics', world.metrics(2, 10));
    const live = drain(outbox, 'metrics', 'live');
    const backlog = drain(outbox, 'metrics', 'backlog');
    expect(live.map((batch) => [batch.seq, percents(batch), batch.backfill])).toEqual([
      [1, [10, 11], undefined],
    ]);
    expect(backlog.map((batch) => [batch.seq, percents(batch), batch.backfill])).toEqual([
      [1, [0, 1], true],
      [2, [2], true],
    ]);
    expect(live[0]?.boot_id).not.toBe(backlog[0]?.boot_id);
  });

  it('sends a live batch that was on its way under its old number in the next session', () => {
    const outbox = world.open();
    outbox.startSession();
    outbox.append('metrics', [world.metric(1)]);
    const sent = outbox.next('metrics', 'live');
    outbox.append('metrics', [world.metric(2)]);
    outbox.startSession();
    outbox.append('metrics', [world.metric(3)]);
    expect(outbox.next('metrics', 'live')).toEqual({ ...sent, backfill: true });
    expect(drain(outbox, 'metrics', 'live').map((batch) => [batch.seq, percents(batch)])).toEqual([
      [1, [1]],
      [2, [3]],
    ]);
    expect(drain(outbox, 'metrics', 'backlog').map(percents)).toEqual([[2]]);
  });

  it('keeps numbers, content and counts of both lanes over a restart', () => {
    const before = world.open();
    before.append('metrics', [world.metric(1)]);
    before.startSession();
    before.append('metrics', [world.metric(2)]);
    const batches = [before.next('metrics', 'backlog'), before.next('metrics', 'live')];
    before.append('logs', [world.logLine('held')]);
    const depth = before.depth();
    world.close(before);
    const after = world.open();
    after.startSession();
    expect([after.next('metrics', 'backlog'), after.next('metrics', 'live')]).toEqual([
      batches[0],
      { ...batches[1], backfill: true },
    ]);
    expect(after.depth()).toEqual(depth);
  });

  it('fills batches up to their bounds of records and bytes', () => {
    const outbox = world.open({ batchRecords: 10, batchBytes: 10_000 });
    outbox.append('metrics', world.metrics(25));
    expect(drain(outbox, 'metrics', 'live').map(({ records }) => records.length)).toEqual([10, 10, 5]);
    world.close(outbox);
    const narrow = world.open({ batchRecords: 1000, batchBytes: 1000 });
    narrow.append(
      'logs',
      Array.from({ length: 20 }, () => world.logLine('x'.repeat(100))),
    );
    for (const { records } of drain(narrow, 'logs', 'live')) {
      expect(Buffer.byteLength(JSON.stringify(records))).toBeLessThanOrEqual(1001);
    }
  });

  it('refuses a record that no batch could carry, keeps its neighbours and counts it', () => {
    const outbox = world.open();
    const giant = { ...world.metric(1), value: { text: 'x'.repeat(300_000) } };
    const circular: { value: Record<string, number> } & object = { ...world.metric(2), value: {} };
    Object.assign(circular.value, { self: circular });
    expect(outbox.append('metrics', [giant, { ...world.metric(2), ...circular }, world.metric(3)])).toBe(
      true,
    );
    expect(percents(outbox.next('metrics', 'live'))).toEqual([3]);
    expect(outbox.depth().by_class?.metrics).toMatchObject({ records: 1, dropped: 2 });
  });

  it('numbers anew what it holds, oldest first, after a server that forgot', () => {
    const outbox = world.open({ batchRecords: 1 });
    outbox.append('metrics', world.metrics(3));
    const first = outbox.next('metrics', 'live');
    outbox.acknowledge('metrics', first ?? { boot_id: '', seq: 0 });
    expect(outbox.next('metrics', 'live')?.seq).toBe(2);
    const forgot = { boot_id: first?.boot_id ?? '', seq: 0 };
    expect(outbox.acknowledge('metrics', forgot)).toEqual({ lane: 'live', decision: 'renumber' });
    outbox.renumber('metrics', 'live');
    const batch = outbox.next('metrics', 'live');
    expect([batch?.seq, percents(batch), batch?.boot_id === first?.boot_id]).toEqual([1, [1], false]);
  });

  it('gives up what is older than its class allows, but not the batch on its way', () => {
    const classes = { ...OUTBOX_LIMITS.classes, metrics: { maxBytes: 1e6, maxAgeMs: 1000 } };
    const outbox = world.open({ batchRecords: 1, classes });
    outbox.append('metrics', world.metrics(3));
    outbox.append('logs', [world.logLine('old, but young enough for a log')]);
    const sent = outbox.next('metrics', 'live');
    world.pass(2000);
    outbox.append('metrics', [world.metric(9)]);
    expect(outbox.next('metrics', 'live')?.records).toEqual(sent?.records);
    outbox.acknowledge('metrics', sent ?? { boot_id: '', seq: 0 });
    expect(percents(outbox.next('metrics', 'live'))).toEqual([9]);
    expect(outbox.depth().by_class).toMatchObject({
      metrics: { dropped: 2 },
      logs: { dropped: 0, records: 1 },
    });
  });

  it('refuses a second agent on the same file', () => {
    world.open();
    expect(() => world.open()).toThrow(/another agent/);
  });
});

describe('a file of the agent before classes', () => {
  const writeOld = (): void => {
    const old = new DatabaseSync(world.file);
    old.exec(`
      CREATE TABLE numbering (one INTEGER PRIMARY KEY CHECK (one = 1), boot_id TEXT NOT NULL, last_seq INTEGER NOT NULL,
        waiting_id INTEGER NOT NULL, dropped INTEGER NOT NULL);
      CREATE TABLE batches (id INTEGER PRIMARY KEY AUTOINCREMENT, newest_at INTEGER NOT NULL, records INTEGER NOT NULL,
        bytes INTEGER NOT NULL, is_thin INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL);
      CREATE INDEX batches_thick ON batches (id) WHERE is_thin = 0;
      CREATE TABLE pending (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, bytes INTEGER NOT NULL,
        body TEXT NOT NULL);
      INSERT INTO numbering VALUES (1, 'old-boot-id', 41, 1, 7);`);
    const batch = old.prepare('INSERT INTO batches (newest_at, records, bytes, body) VALUES (?, 2, 100, ?)');
    for (const from of [0, 2]) batch.run(world.wallMs, JSON.stringify(world.metrics(2, from)));
    const pending = old.prepare('INSERT INTO pending (at, bytes, body) VALUES (?, 50, ?)');
    for (const record of world.metrics(2, 4)) pending.run(world.wallMs, JSON.stringify(record));
    old.close();
  };

  it('is brought forward with its numbering, and nothing is lost', () => {
    writeOld();
    const outbox = world.open();
    expect(outbox.depth()).toMatchObject({ records: 6, dropped: 7 });
    outbox.startSession();
    const first = outbox.next('metrics', 'live');
    expect([first?.boot_id, first?.seq, percents(first)]).toEqual(['old-boot-id', 41, [0, 1]]);
    const rest = [...drain(outbox, 'metrics', 'live'), ...drain(outbox, 'metrics', 'backlog')];
    expect(rest.flatMap((batch) => percents(batch))).toEqual([0, 1, 2, 3, 4, 5]);
    expect(outbox.depth()).toMatchObject({ records: 0, bytes: 0, dropped: 7 });
    world.close(outbox);
    expect(world.open().depth().dropped).toBe(7);
  });

  it('is left aside when a newer agent made it', () => {
    world.close(world.open());
    const newer = new DatabaseSync(world.file);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    const outbox = world.open();
    expect(outbox.append('metrics', [world.metric(1)])).toBe(true);
    expect(world.lines.join()).toContain('newer agent');
  });
});
