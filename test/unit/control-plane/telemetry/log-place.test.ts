/** Cursors, permalinks and pages of the log. */
import { describe, expect, it } from 'vitest';
import type { LogLine } from '#db';
import {
  decodeCursor,
  encodeCursor,
  filterMark,
  lineIdOf,
  placeAt,
  placeOfLine,
} from '../../../../control-plane/telemetry/log-place.ts';
import { logPage, logQuery } from '../../../../control-plane/telemetry/logs.ts';

const place = { atMicros: 1_795_413_600_123_456n, id: 987_654_321n };
const now = new Date('2026-11-23T06:00:00Z');
const line = (id: bigint): LogLine => ({
  place: { atMicros: place.atMicros, id },
  deviceId: 'd',
  deviceName: 'gw',
  at: now,
  receivedAt: now,
  level: 'info',
  service: 'vllm',
  message: 'text',
  metadata: { pid: 4, time: { device: 'x' } },
});

describe('the id of a line', () => {
  it('leads back to its place', () => {
    expect(placeOfLine(lineIdOf(place))).toEqual(place);
  });
  it.each(['', '-', 'a', 'a-b-c', 'A-1', `${'z'.repeat(13)}-1`, '1-1 '])('is not %j', (id) => {
    expect(() => placeOfLine(id)).toThrow(expect.objectContaining({ code: 'request.invalid' }));
  });
});

describe('a cursor', () => {
  const mark = filterMark(['org', ['a'], { text: 'x' }]);
  it('leads back to direction and place', () => {
    expect(decodeCursor(mark, encodeCursor(mark, { direction: 'newer', place }))).toEqual({
      direction: 'newer',
      place,
    });
  });
  it('is good for its own filter alone', () => {
    const other = encodeCursor(filterMark(['org', ['b'], { text: 'x' }]), { direction: 'older', place });
    expect(() => decodeCursor(mark, other)).toThrow(
      expect.objectContaining({ code: 'request.cursor_invalid' }),
    );
  });
  it.each([
    ['no JSON', 'no cursor'],
    ['null', Buffer.from('null').toString('base64url')],
    ['another direction', Buffer.from(JSON.stringify([mark, 'up', '1', '1'])).toString('base64url')],
    [
      'a number too large',
      Buffer.from(JSON.stringify([mark, 'older', '9'.repeat(19), '1'])).toString('base64url'),
    ],
    ['no numbers', Buffer.from(JSON.stringify([mark, 'older', 1, 1])).toString('base64url')],
  ])('is refused where it is %s', (_what, cursor) => {
    expect(() => decodeCursor(mark, cursor)).toThrow(
      expect.objectContaining({ code: 'request.cursor_invalid' }),
    );
  });
});

describe('logPage', () => {
  const page = (lines: LogLine[], before: boolean) => {
    const { older_cursor, newer_cursor, items } = logPage({ lines }, 'm', { before, fallback: placeAt(now) });
    const read = (cursor: string | null) => (cursor === null ? null : decodeCursor('m', cursor));
    return { items, older: read(older_cursor), newer: read(newer_cursor) };
  };
  it('leads on from both ends', () => {
    const { items, older, newer } = page([line(9n), line(8n), line(7n)], true);
    expect(items).toHaveLength(3);
    expect(older).toEqual({ direction: 'older', place: line(7n).place });
    expect(newer).toEqual({ direction: 'newer', place: line(9n).place });
  });
  it('ends where there is nothing older, and never towards the future', () => {
    const { older, newer } = page([line(9n)], false);
    expect(older).toBeNull();
    expect(newer).not.toBeNull();
  });
  it('leads on from where it looked when it found nothing', () => {
    expect(page([], true)).toMatchObject({ older: { place: placeAt(now) }, newer: { place: placeAt(now) } });
  });
  it('goes on from where the time for a page was over', () => {
    const reached = placeAt(now);
    const found = logPage({ lines: [line(9n)], older: reached }, 'm', {
      before: false,
      fallback: line(1n).place,
    });
    expect(decodeCursor('m', found.older_cursor ?? '').place).toEqual(reached);
    expect(decodeCursor('m', found.newer_cursor ?? '').place).toEqual(line(9n).place);
    expect(found.searched_until).toBe(new Date(+now + 1).toISOString());
  });
  it('shows metadata flat', () => {
    expect(page([line(9n)], false).items[0]?.metadata).toEqual({ pid: 4, time: '{"device":"x"}' });
  });
});

describe('logQuery', () => {
  it('takes levels in any order, each once', () => {
    expect(logQuery(null, { level: 'error,debug,error' }, now).levels).toEqual(['debug', 'error']);
  });
  it.each([
    ['from', { from: '2026-11-23T05:00:00Z', to: '2026-11-23T05:00:00Z' }],
    ['from', { from: '2020-11-23T05:00:00Z' }],
    ['to', { to: '2026-11-25T05:00:00Z' }],
  ])('names %s where the range is none', (path, range) => {
    expect(() => logQuery(null, range, now)).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ path })] }),
    );
  });
});
