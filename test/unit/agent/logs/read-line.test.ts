import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanBytes, cleanText, cutText } from '../../../../agent/logs/clean-text.ts';
import { levelOfField, levelOfPriority } from '../../../../agent/logs/level.ts';
import { nanosecondsOf, timeOfField, timeOfText } from '../../../../agent/logs/line-time.ts';
import { readLine } from '../../../../agent/logs/read-line.ts';
import { decodeValue, LogMetadata } from '../../../../broker/contract/index.ts';

const readAt = new Date('2026-11-23T06:00:05Z');
const iso = (time: Date | null) => time?.toISOString() ?? null;

describe('the level of a line', () => {
  it.each([
    ['ERROR something', 'error'],
    ['2026-11-23 06:00:00,123 - root - ERROR - disk', 'error'],
    ['2026-11-23T06:00:00.000Z  WARN 1 --- [main] o.s.boot', 'warning'],
    ['[warn] 12#12: low space', 'warning'],
    ['2026/11/23 06:00:00 [error] 12#12: upstream', 'error'],
    ['[2026-11-23 06:00:00] local.CRITICAL: boom', 'critical'],
    ['<3>bad thing', 'error'],
    ['<34>Nov 23 06:00:00 host su: failed', 'critical'],
    ['I1123 06:00:00.123456  1 main.go:1] started', 'info'],
    ['E1123 06:00:00.123456  1 main.go:1] failed', 'error'],
    ['time="2026-11-23T06:00:00Z" level=warning msg="x"', 'warning'],
    ['ts=1 lvl=dbg msg=x', 'debug'],
    ['INFO:root:An ERROR was mended', 'info'],
    ['warning: unused variable', 'warning'],
    ['Traceback (most recent call last):', 'error'],
    ['panic: runtime error', 'critical'],
    ['java.lang.IllegalStateException: no', 'error'],
    ['{"level":50,"msg":"failed"}', 'error'],
    ['{"severity":"CRITICAL","message":"x"}', 'critical'],
    ['{"lvl":"warn","msg":"x"}', 'warning'],
    ['{"level":"30","msg":"x"}', 'info'],
  ])('%s → %s', (text, level) => {
    expect(readLine(text, readAt).level).toBe(level);
  });

  it.each([
    'no ERROR was found',
    'the error was mended',
    'GET /error HTTP/1.1',
    '',
    '{"a":1}',
    '[see info] page',
    'open file.ERROR_CODE',
    '<999>x',
  ])('says nothing in: %s', (text) => {
    expect(readLine(text, readAt).level).toBeNull();
  });

  it('knows all priorities and no others', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 8, -1].map(levelOfPriority)).toEqual([
      'critical',
      'critical',
      'critical',
      'error',
      'warning',
      'info',
      'info',
      'debug',
      null,
      null,
    ]);
    expect([10, 20, 30, 40, 50, 60].map(levelOfField)).toEqual([
      'debug',
      'debug',
      'info',
      'warning',
      'error',
      'critical',
    ]);
  });
});

describe('the time of a line', () => {
  it.each([
    ['2026-11-23T06:00:00.123Z x', '2026-11-23T06:00:00.123Z'],
    ['2026-11-23T08:00:00+02:00 x', '2026-11-23T06:00:00.000Z'],
    ['[2026-11-23 06:00:00,5 +0000] x', '2026-11-23T06:00:00.500Z'],
    ['1795413600 x', '2026-11-23T06:00:00.000Z'],
    ['1795413600.25 x', '2026-11-23T06:00:00.250Z'],
    ['1.2.3.4 - - [23/Nov/2026:07:00:00 +0100] "GET /"', '2026-11-23T06:00:00.000Z'],
    ['2031-11-23T06:00:00Z five years ahead', null],
    ['1999-11-23T06:00:00Z long ago', null],
    ['9999-99-99T99:99:99Z no time', null],
    ['12345678901 is no time', null],
    ['hello', null],
  ])('%s → %s', (text, expected) => {
    expect(iso(timeOfText(text, readAt))).toBe(expected);
  });

  it('takes this machine’s zone where there is none, and the year that lies behind', () => {
    const local = new Date(2026, 10, 23, 6, 0, 0);
    expect(timeOfText('2026-11-23 06:00:00 x', new Date(local.getTime() + 5000))).toEqual(local);
    expect(timeOfText('Nov 23 06:00:00 host x', new Date(local.getTime() + 5000))).toEqual(local);
    expect(timeOfText('Dec 31 23:59:59 host x', new Date(2027, 0, 1, 0, 0, 3))).toEqual(
      new Date(2026, 11, 31, 23, 59, 59),
    );
  });

  it.each([1795413600, 1795413600000, 1795413600000000, 1795413600000000000])(
    'reads the number %d',
    (value) => {
      expect(iso(timeOfField(value, readAt))).toBe('2026-11-23T06:00:00.000Z');
    },
  );

  it('keeps nanoseconds apart', () => {
    const at = nanosecondsOf('2026-11-23T06:00:00.123456789Z');
    expect(at).toBe(1795413600123456789n);
    expect(nanosecondsOf('2026-11-23T07:00:00.123456789+01:00')).toBe(at);
    expect(nanosecondsOf('2026-11-23')).toBeNull();
  });
});

describe('a JSON line', () => {
  it('gives its message, and its other fields as metadata', () => {
    const line =
      '{"level":"error","time":"2026-11-23T06:00:00Z","msg":"no \\u0000 route","port":80,"peer":{"a":1},"ok":true}';
    expect(readLine(line, readAt)).toEqual({
      level: 'error',
      timestamp: new Date('2026-11-23T06:00:00Z'),
      message: 'no \ufffd route',
      metadata: { port: 80, peer: '{"a":1}', ok: true },
      isWhole: true,
    });
  });

  it('stays as it is without a message', () => {
    const line = '{"level":"error","port":80}';
    expect(readLine(line, readAt)).toMatchObject({ message: line, metadata: null, level: 'error' });
  });
});

describe('clean text', () => {
  it.each([
    ['\u001b[31mred\u001b[0m', 'red'],
    ['\u001b]0;title\u0007text', 'text'],
    ['\u001b]8;;http://x\u001b\\link', 'link'],
    ['a\0b', 'a\ufffdb'],
    ['tab\tstays, bell\u0007 and back\u0008 go', 'tab\tstays, bell and back go'],
    ['half \ud800 a pair', 'half \ufffd a pair'],
    ['\u001b', ''],
    ['\u001b[', '['],
  ])('%j → %j', (text, expected) => {
    expect(cleanText(text)).toBe(expected);
  });

  it('cuts between characters and counts bytes', () => {
    expect(cutText('ab😀', 3)).toEqual({ text: 'ab', cutBytes: 4 });
    expect(cutText('abc', 3)).toEqual({ text: 'abc', cutBytes: 0 });
  });
});

describe('whatever comes', () => {
  it('is read without an error, bounded and storable', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const text = cleanBytes(bytes);
        const { message, metadata } = readLine(text, readAt);
        expect(text.includes('\0') || !text.isWellFormed()).toBe(false);
        expect(message.length).toBeLessThanOrEqual(text.length);
        if (metadata !== null) expect(decodeValue(LogMetadata, metadata).ok).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('gives metadata that the contract takes, from any object', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
        fc.string({ unit: 'binary' }),
        (fields, msg) => {
          const { metadata } = readLine(JSON.stringify({ ...fields, msg }), readAt);
          if (metadata !== null) expect(decodeValue(LogMetadata, metadata)).toMatchObject({ ok: true });
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['escapes', '\u001b['.repeat(524_288)],
    ['brackets', '[ '.repeat(524_288)],
    ['digits', '1'.repeat(1_048_576)],
    ['JSON', '{"a":'.repeat(200_000)],
    ['dots', 'a.'.repeat(524_288)],
    ['spaces', ' '.repeat(1_048_576)],
    ['equals', 'level='.repeat(174_000)],
  ])('takes linear time over 1 MiB of %s', (_, text) => {
    readLine(cleanText(text.slice(0, 1000)), readAt);
    const startedMs = performance.now();
    readLine(cleanText(text), readAt);
    expect(performance.now() - startedMs).toBeLessThan(300);
  });
});
