import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBatch, decodeContent } from '../../../../control-plane/ingest/decode-batch.ts';
import { splitRecords } from '../../../../control-plane/ingest/split-records.ts';

const good = '{"timestamp":"2026-11-23T06:00:00Z","metric_type":"cpu","value":{"percent":1}}';
const payload = (records: readonly string[], head = '"boot_id":"boot-0001","seq":3'): Buffer =>
  Buffer.from(`{${head},"records":[${records.join(',')}]}`);
const log = (message: string): string =>
  `{"timestamp":"2026-11-23T06:00:00Z","log_level":"info","service_name":"a","message":${message}}`;

describe('decodeBatch', () => {
  it('takes a good batch as it is', () => {
    const decoded = decodeBatch(
      'metrics',
      payload([good, good], '"boot_id":"boot-0001","seq":3,"backfill":true,"sent_at":"2026-11-23T06:00:01Z"'),
    );
    expect(decoded).toMatchObject({
      ok: true,
      content: {
        batch: { bootId: 'boot-0001', seq: 3 },
        sentAtMs: Date.parse('2026-11-23T06:00:01Z'),
        backfill: true,
        rejected: [],
        places: null,
        records: [{ value: { percent: 1 } }, { value: { percent: 1 } }],
      },
    });
  });

  it.each([
    ['NaN', 'not_json', good.replace('1}', 'NaN}')],
    ['Infinity', 'not_json', good.replace('1}', 'Infinity}')],
    ['10^400', 'number', good.replace('1}', '1e400}')],
    ['U+0000', 'text', good.replace('"cpu"', '"cpu","labels":{"a":"\\u0000"}')],
    ['half a character', 'text', good.replace('"cpu"', '"cpu","labels":{"a":"\\ud800"}')],
    ['a raw line break', 'not_json', good.replace('"cpu"', '"c\npu"')],
    ['a bad escape', 'not_json', good.replace('"cpu"', '"\\x41"')],
    ['a wrong type', 'record', good.replace('"cpu"', '7')],
    ['a missing field', 'record', '{"metric_type":"cpu"}'],
    ['nothing', 'not_json', ''],
    ['a bare word', 'not_json', 'undefined'],
    ['null', 'record', 'null'],
    ['depth', 'depth', good.replace('1}', `${'['.repeat(2000)}${']'.repeat(2000)}}`)],
  ])('leaves out the record with %s alone', (_name, code, bad) => {
    const decoded = decodeBatch('metrics', payload([good, bad, good]));
    expect(decoded).toMatchObject({ ok: true, content: { places: [0, 2], rejected: [{ index: 1, code }] } });
    if (!decoded.ok) return;
    expect(decoded.content.records).toHaveLength(2);
    expect(decoded.content.rejected[0]?.reason).toMatch(/^records\.1\./);
  });

  it('leaves out the one log line that is no UTF-8', () => {
    const whole = payload([log('"a"'), log('"b?"'), log('"c"')]);
    whole[whole.indexOf('b?') + 1] = 0xff;
    expect(decodeBatch('logs', whole)).toMatchObject({
      ok: true,
      content: { rejected: [{ index: 1, code: 'not_json' }], records: [{ message: 'a' }, { message: 'c' }] },
    });
  });

  it('is not misled by quotes, brackets and names inside of strings', () => {
    const tricky = log('"\\"records\\":[ ]}, {\\\\"');
    expect(decodeBatch('logs', payload([tricky, good.replace('1}', 'NaN}'), tricky]))).toMatchObject({
      ok: true,
      content: { places: [0, 2] },
    });
  });

  it.each([
    ['no array', '"records":7', 'records: must be an array'],
    ['an empty one', '"records":[]', 'records: must not be empty'],
    [
      'too many',
      `"records":[${Array.from({ length: 1001 }, () => '1').join(',')}]`,
      'records: must hold at most 1000',
    ],
    ['a bad sent_at', `"sent_at":"now","records":[${good}]`, 'sent_at'],
  ])('passes the number of a batch with %s', (_name, rest, reason) => {
    const decoded = decodeBatch('metrics', Buffer.from(`{"boot_id":"boot-0001","seq":3,${rest}}`));
    expect(decoded).toMatchObject({
      ok: true,
      content: { batch: { seq: 3 }, records: [], rejected: [{ index: -1, code: 'envelope' }] },
    });
    if (decoded.ok) expect(decoded.content.rejected[0]?.reason).toContain(reason);
  });

  it.each([
    ['no JSON', '{'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a number alone', `{"seq":1,"records":[${good}]}`],
    ['a name alone', `{"boot_id":"boot-0001","records":[${good}]}`],
    ['a number below 1', `{"boot_id":"boot-0001","seq":0,"records":[${good}]}`],
    ['a number that no double holds', `{"boot_id":"boot-0001","seq":1e400,"records":[${good}]}`],
    ['no number and no records', '{"records":[]}'],
  ])('refuses %s as a whole', (_name, text) => {
    expect(decodeBatch('metrics', Buffer.from(text))).toMatchObject({ ok: false });
  });

  it('never throws, whatever bytes come', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          decodeBatch('metrics', bytes);
          decodeBatch('logs', bytes);
          decodeBatch('events', bytes);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('stores the neighbours of a record with any bytes in it, or nothing of the batch', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (inside) => {
        const decoded = decodeBatch('logs', payload([log('"before"'), log(`"${inside}"`), log('"behind"')]));
        if (!decoded.ok) return; // A quote in it: where the record ends is anybody's guess.
        const messages = decoded.content.records.map((record) => 'message' in record && record.message);
        if (!inside.includes('"') && !inside.endsWith('\\')) {
          expect(messages[0]).toBe('before');
          expect(messages.at(-1)).toBe('behind');
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe('splitRecords', () => {
  it('is linear in the text', () => {
    const text = `{"records":[${'['.repeat(200_000)}`;
    const started = performance.now();
    expect(splitRecords(text, 1000)).toBeNull();
    expect(splitRecords(`{"records":["${'\\'.repeat(200_000)}`, 1000)).toBeNull();
    expect(splitRecords('{"records"'.repeat(20_000), 1000)).toBeNull();
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('finds the records at the top only', () => {
    expect(splitRecords('{"a":{"records":[1]},"records":[2,{"b":[3,4]}],"c":5}', 9)).toEqual({
      envelope: '{"a":{"records":[1]},"records":[],"c":5}',
      records: ['2', '{"b":[3,4]}'],
    });
  });
});

describe('decodeContent', () => {
  it('names the list as the caller calls it', () => {
    const decoded = decodeContent('metrics', {}, [{ metric_type: 'cpu' }], 'metrics', false);
    expect(decoded).toMatchObject({
      ok: true,
      content: { rejected: [{ reason: expect.stringMatching(/^metrics\.0\./) }] },
    });
  });
});
