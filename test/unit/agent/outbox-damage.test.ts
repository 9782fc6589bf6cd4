/** Clocks that are set, pages that are overwritten, and a file that is no database: what the outbox makes of them. */
import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clockStep } from '../../../agent/clock.ts';
import { livedMs, MAX_OFF_MS, moveRecord, sentAtMs, stepSince } from '../../../agent/outbox/recorded-time.ts';
import { drain, OutboxWorld, percents } from './outbox-world.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const PAGE_BYTES = 4096;

let world: OutboxWorld;
beforeEach(() => {
  world = new OutboxWorld();
});
afterEach(() => world.end());

describe('a wall clock that is set', () => {
  it('moves what was recorded before in the same boot, and nothing is too old for it', () => {
    world.wallMs = Date.parse('1970-01-01T00:10:00Z');
    const outbox = world.open();
    outbox.append('metrics', [world.metric(1)]);
    world.pass(60_000);
    world.wallMs = Date.parse('2026-11-23T06:00:00Z');
    outbox.append('metrics', [world.metric(2)]);
    const batches = drain(outbox, 'metrics', 'live');
    expect(batches.flatMap(({ records }) => records.map(({ timestamp }) => timestamp))).toEqual([
      '2026-11-23T05:59:00.000Z',
      '2026-11-23T06:00:00.000Z',
    ]);
    expect(outbox.depth().dropped).toBe(0);
  });

  it('does not touch a batch that has its number; says its sending time by the clock of its records', () => {
    const outbox = world.open();
    outbox.append('metrics', [world.metric(1)]);
    const sent = outbox.next('metrics', 'live');
    world.pass(10_000);
    world.wallMs += YEAR_MS;
    expect(outbox.next('metrics', 'live')).toEqual({ ...sent, sent_at: '2026-11-23T06:00:10.000Z' });
  });

  it('leaves what was recorded in an earlier boot as it is, and keeps it although the clock says another year', () => {
    const before = world.open();
    before.append('metrics', [world.metric(1)]);
    world.close(before);
    world.osBoot = 'os-boot-2';
    world.monoMs = 20_000;
    world.wallMs += 3 * YEAR_MS;
    const after = world.open();
    after.append('metrics', [world.metric(2)]);
    const [old, fresh] = drain(after, 'metrics', 'live').flatMap(({ records }) => records);
    expect([old?.timestamp, fresh?.timestamp]).toEqual([
      '2026-11-23T06:00:00.000Z',
      '2029-11-22T06:00:00.000Z',
    ]);
    expect(after.depth().dropped).toBe(0);
  });

  it('leaves a time alone that is older than the boot, for it was not read off this clock', () => {
    const mark = { osBoot: 'b', offsetMs: 1000 };
    const at = (ms: number) => ({ timestamp: new Date(ms).toISOString() });
    expect(moveRecord(at(999), mark, 50)).toEqual(at(999));
    expect(moveRecord(at(1000), mark, 50)).toEqual(at(1050));
    expect(moveRecord({ timestamp: 'nonsense' }, mark, 50)).toEqual({ timestamp: 'nonsense' });
    expect(moveRecord(at(2000), mark, 8.64e15)).toEqual(at(2000));
  });

  it('is told from clocks that only run', () => {
    const at = (wallMs: number, monoMs: number, osBoot = 'b') => ({ wallMs, monoMs, osBoot });
    expect(clockStep(at(0, 0), at(5000, 5000))).toBe(0);
    expect(clockStep(at(0, 0), at(605_000, 5000))).toBe(600_000);
    expect(clockStep(at(0, 0), at(605_000, 5000, 'other'))).toBe(0);
    const mark = { osBoot: 'b', offsetMs: 0 };
    expect(stepSince(mark, at(1500, 1000))).toBe(0);
    expect(stepSince(mark, at(-9000, 1000))).toBe(-10_000);
    expect(sentAtMs(mark, at(-9000, 1000))).toBe(1000);
  });

  it('does not make time pass: an hour is an hour, and being switched off counts a day at most', () => {
    const before = { wallMs: 0, monoMs: 0, osBoot: 'b', livedMs: 100 };
    expect(livedMs(null, before)).toBe(0);
    expect(livedMs(before, { wallMs: YEAR_MS, monoMs: HOUR_MS, osBoot: 'b' })).toBe(100 + HOUR_MS);
    expect(livedMs(before, { wallMs: HOUR_MS, monoMs: 5, osBoot: 'c' })).toBe(100 + HOUR_MS);
    expect(livedMs(before, { wallMs: YEAR_MS, monoMs: 5, osBoot: 'c' })).toBe(100 + MAX_OFF_MS);
    expect(livedMs(before, { wallMs: -YEAR_MS, monoMs: 5, osBoot: 'c' })).toBe(100);
  });
});

describe('a damaged file', () => {
  const overwrite = (page: number, bytes: Buffer): void => {
    const file = openSync(world.file, 'r+');
    writeSync(file, bytes, 0, bytes.length, page * PAGE_BYTES);
    closeSync(file);
  };

  it('that is no database at all is moved aside', () => {
    writeFileSync(world.file, 'this is no database at all '.repeat(400));
    const outbox = world.open();
    outbox.append('metrics', [world.metric(1)]);
    expect(percents(outbox.next('metrics', 'live'))).toEqual([1]);
    expect(world.lines.join()).toContain('outbox damaged');
    expect(statSync(`${world.file}.damaged`).size).toBeGreaterThan(0);
  });

  it('loses what stood on an overwritten page and no more, and counts that, whichever page it is', () => {
    const count = 600;
    const fill = world.open({ batchRecords: 20 });
    for (let index = 0; index < count; index += 20) fill.append('metrics', world.metrics(20, index));
    world.close(fill);
    const whole = readFileSync(world.file);
    const pages = whole.length / PAGE_BYTES;
    expect(pages).toBeGreaterThan(8);
    let saved = 0;
    for (let page = 0; page < pages; page += 1) {
      writeFileSync(world.file, whole);
      overwrite(page, Buffer.alloc(PAGE_BYTES, 0xa5));
      const outbox = world.open({ batchRecords: 20 });
      const held = drain(outbox, 'metrics', 'live').flatMap((batch) => percents(batch) ?? []);
      expect(held).toEqual([...new Set(held)].sort((a, b) => Number(a) - Number(b)));
      saved += held.length;
      const { dropped } = outbox.depth();
      // The page with the counts knows what was lost, unless it is that one or the one that all others hang on.
      if (held.length > 0) expect([page, held.length + dropped]).toEqual([page, count]);
      world.close(outbox);
    }
    // One page of some dozen: most of all records survive most of all accidents.
    expect(saved / (pages * count)).toBeGreaterThan(0.7);
  });

  it('whose text alone is damaged is noticed by its checksum; the other records of the batch get through', () => {
    const outbox = world.open();
    outbox.append(
      'logs',
      Array.from({ length: 40 }, (_, index) => world.logLine(`line ${index} ${'x'.repeat(200)}`)),
    );
    outbox.startSession();
    const sent = outbox.next('logs', 'backlog');
    world.close(outbox);
    const content = readFileSync(world.file);
    // The row that the batch was made of may still lie about in a free page.
    for (let at = content.indexOf('line 20 '); at >= 0; at = content.indexOf('line 20 '))
      content.write('\n', at);
    writeFileSync(world.file, content);
    const after = world.open();
    after.startSession();
    const again = after.next('logs', 'backlog');
    expect(again?.records.length).toBe(39);
    expect(again?.boot_id).not.toBe(sent?.boot_id);
    expect(again?.seq).toBe(1);
    expect(after.depth().by_class?.logs).toMatchObject({ records: 39, dropped: 1 });
  });
});
