import { describe, expect, it } from 'vitest';
import type { LogRecord } from '#contract';
import type { LogView } from '#web-api';
import { LogBook, TRIM_LINES } from '../../../web/client/logs/log-book.ts';
import { RowHeights } from '../../../web/client/logs/row-heights.ts';

const START_MS = Date.parse('2026-11-23T12:00:00Z');
const record = (index: number, message = `line ${index}`): LogRecord => ({
  timestamp: new Date(START_MS + index * 100).toISOString(),
  log_level: 'info',
  service_name: 'vllm',
  message,
});
const stored = (index: number, message?: string): LogView => ({
  ...record(index, message),
  id: `L${index}`,
  device_id: 'd',
  device_name: 'd',
  received_at: new Date(START_MS + index * 100 + 50).toISOString(),
  metadata: null,
});
/** Newest first, as the API gives pages. */
const page = (from: number, to: number): LogView[] =>
  Array.from({ length: to - from }, (_, index) => stored(to - 1 - index));
const messages = (book: LogBook): string[] => book.lines.map((line) => line.record.message);

describe('LogBook', () => {
  it('keeps pages oldest first', () => {
    const book = new LogBook();
    book.append(page(2, 4));
    expect(book.prepend(page(0, 2))).toEqual({ removedBefore: 0, addedBefore: 2, addedAfter: 0 });
    book.append(page(4, 6));
    expect(messages(book)).toEqual([0, 1, 2, 3, 4, 5].map((index) => `line ${index}`));
  });

  it('shows a line once that is stored and then replayed by the device', () => {
    const book = new LogBook();
    book.append(page(0, 3));
    book.appendLive([record(1), record(2), record(3)]);
    expect(messages(book)).toEqual(['line 0', 'line 1', 'line 2', 'line 3']);
  });

  it('gives a streamed line its id when it is stored, where it stands', () => {
    const book = new LogBook();
    book.appendLive([record(1), record(2)]);
    const key = book.lines[0]?.key;
    book.append(page(1, 3));
    expect(book.lines.map(({ id }) => id)).toEqual(['L1', 'L2']);
    expect(book.lines[0]?.key).toBe(key);
  });

  it('keeps lines that are the same to the millisecond, as often as they were written', () => {
    const book = new LogBook();
    book.appendLive([record(1, 'tick'), record(1, 'tick')]);
    book.append([stored(1, 'tick'), stored(1, 'tick')]);
    expect(messages(book)).toEqual(['tick', 'tick']);
  });

  it('leaves out what a new lease plays back', () => {
    const book = new LogBook();
    book.appendLive([record(1), record(2)]);
    book.expectReplay();
    book.appendLive([record(1), record(2), record(3)]);
    expect(messages(book)).toEqual(['line 1', 'line 2', 'line 3']);
  });

  it('puts what the stream left out in its place', () => {
    const book = new LogBook();
    book.appendLive([record(1), record(4)]);
    book.append(page(1, 5));
    expect(messages(book)).toEqual(['line 1', 'line 2', 'line 3', 'line 4']);
  });

  it('lets the oldest go beyond its capacity, and says how many', () => {
    const book = new LogBook(10_000);
    book.append(page(0, 9999));
    const change = book.appendLive([record(20_000), record(20_001)]);
    expect(change.removedBefore).toBe(1 + TRIM_LINES);
    expect(book.lines).toHaveLength(10_001 - 1 - TRIM_LINES);
    expect(messages(book).at(-1)).toBe('line 20001');
  });
});

describe('RowHeights', () => {
  it('finds rows by their place and back, with rows of other heights', () => {
    const heights = new RowHeights(20);
    heights.change(100);
    heights.set(10, 120);
    expect(heights.totalPx).toBe(2100);
    expect([heights.offsetOf(10), heights.offsetOf(11)]).toEqual([200, 320]);
    expect([heights.indexAt(199), heights.indexAt(200), heights.indexAt(319), heights.indexAt(320)]).toEqual([
      9, 10, 10, 11,
    ]);
  });

  it.each([
    ['added before', 105, 0, 5, 15],
    ['removed before', 95, 5, 0, 5],
  ])('keeps heights with their rows when rows are %s', (_what, count, removed, added, index) => {
    const heights = new RowHeights(20);
    heights.change(100);
    heights.set(10, 120);
    heights.change(count, removed, added);
    expect(heights.heightOf(index)).toBe(120);
    expect(heights.totalPx).toBe(count * 20 + 100);
  });

  it('answers at the ends', () => {
    const heights = new RowHeights(20);
    expect([heights.indexAt(50), heights.totalPx]).toEqual([0, 0]);
    heights.change(3);
    expect([heights.indexAt(-5), heights.indexAt(1e9)]).toEqual([0, 2]);
  });
});
