/** What a redactor promises for any text, for records, JSON, bytes, and for rules of an organisation's own. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogRecord, MetricRecord } from '#contract';
import { checkRule, createRedactor, RedactionRuleError } from '#contract/redaction';
import { leaks, PLANTED_KINDS, plantSecrets } from '../../../support/planted-secrets.ts';

const redactor = createRedactor({ rules: [], disabled_builtin: [] });

/** Pieces of secrets in any order make more of the interesting texts than random characters. */
const PIECES = fc.constantFrom(
  ...[
    'password',
    'token',
    'key',
    '=',
    ':',
    ': ',
    '"',
    '\\"',
    "'",
    '\n',
    ' ',
    ',',
    '&',
    '@',
    'a.de',
    'x',
    '://',
    '/',
    'eyJhbGciOiJI',
    '.',
    '-',
  ],
  ...[
    '-----BEGIN PRIVATE KEY-----',
    '-----END PRIVATE KEY-----',
    'QUtJ',
    'cGFzc3dvcmQ9aHVudGVyMjI=',
    '4111 1111 ',
    '41111111',
    'AKIA',
    'IOSFODNN7EXAMPLE',
    'ghp_',
  ],
  ...[
    'Bearer ',
    'Cookie: ',
    'Authorization: ',
    '[redacted:jwt]',
    '[redacted:',
    ']',
    'DE89',
    '3704',
    '\\n',
    'é',
    '💥',
    '\ud800',
    '\u0000',
    'hunter2',
    '$6$',
  ],
);
const texts = fc.oneof(
  fc.array(PIECES, { maxLength: 25 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 200 }),
);

const record = (message: string, more: Partial<LogRecord> = {}): LogRecord => ({
  timestamp: '2026-11-23T06:00:00Z',
  log_level: 'info',
  service_name: 'app',
  message,
  ...more,
});

describe('text', () => {
  it('gives hits in order, without overlaps, within the text, and hides exactly those', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const result = redactor.text(text);
        let rest = '';
        let from = 0;
        for (const { rule, start, end } of result.hits) {
          expect(start).toBeGreaterThanOrEqual(from);
          expect(end).toBeGreaterThan(start);
          rest += `${text.slice(from, start)}[redacted:${rule}]`;
          from = end;
        }
        expect(from).toBeLessThanOrEqual(text.length);
        expect(result.text).toBe(rest + text.slice(from));
      }),
      { numRuns: 2000 },
    );
  });

  it('changes nothing the second time, for secrets as they are leaked', () => {
    for (const { records } of plantSecrets(PLANTED_KINDS.length * 20, 11)) {
      const once = redactor.records(records);
      expect(redactor.records(once)).toEqual(once);
    }
  });
});

describe('records', () => {
  it.each(PLANTED_KINDS)('leave nothing of %s', (kind) => {
    for (const secret of plantSecrets(PLANTED_KINDS.length * 10, 3).filter((one) => one.kind === kind)) {
      const text = JSON.stringify(redactor.records(secret.records));
      expect(text).toContain(secret.canary);
      expect(secret.needles.filter((needle) => leaks(text, needle))).toEqual([]);
    }
  });

  it('are the same objects where nothing is hidden', () => {
    const records = [record('ready', { metadata: { unit: 'a.service', n: 1 } }), record('password=hunter2')];
    const [first, second] = redactor.records(records);
    expect(first).toBe(records[0]);
    expect(second?.message).toBe('password=[redacted:secret-value]');
  });

  it('keep services apart: a key in one does not hide the lines of another', () => {
    const body = 'A1b2'.repeat(16);
    const records = [
      record('-----BEGIN PRIVATE KEY-----'),
      record(`sum ${body}`, { service_name: 'other' }),
      record(body),
      record('-----END PRIVATE KEY-----'),
      record(body),
    ];
    expect(redactor.records(records).map(({ message }) => message)).toEqual([
      '[redacted:private-key]',
      `sum ${body}`,
      '[redacted:private-key]',
      '[redacted:private-key]',
      body,
    ]);
  });

  it('hide the end of a key whose beginning was in an earlier batch', () => {
    const body = 'A1b2'.repeat(16);
    const records = [record('started'), record(body), record('-----END RSA PRIVATE KEY-----')];
    expect(redactor.records(records).map(({ message }) => message)).toEqual([
      'started',
      '[redacted:private-key]',
      '[redacted:private-key]',
    ]);
  });

  it('stay within the limits of their fields, with keys that became the same kept apart', () => {
    const metadata = { 'a@firma.de': 1, 'b@firma.de': 2 };
    const [shown] = redactor.records([record('a@b.de '.repeat(2340), { metadata })]);
    expect(shown?.message.length).toBeLessThanOrEqual(16_384);
    expect(shown?.metadata).toEqual({ '[redacted:email]': 1, '[redacted:email]#2': 2 });
  });
});

describe('events, metrics, JSON, bytes', () => {
  it('are redacted as well', () => {
    const [event] = redactor.events([
      { timestamp: '2026-11-23T06:00:00Z', kind: 'a.b', log_level: 'info', message: 'pwd=hunter2' },
    ]);
    expect(event?.message).toBe('pwd=[redacted:secret-value]');
    const metric: MetricRecord = {
      timestamp: '2026-11-23T06:00:00Z',
      metric_type: 'm',
      value: { tokens: 5, token: 12345678901, owner: 'a@firma.de' },
    };
    expect(redactor.metric(metric).value).toEqual({
      tokens: 5,
      token: 12345678901,
      owner: '[redacted:email]',
    });
    const facts = { list: [{ password: 'x', n: 1 }], env: { name: 'API_TOKEN', value: 'abcd1234' } };
    expect(redactor.json(facts)).toEqual({
      list: [{ password: '[redacted:secret-value]', n: 1 }],
      env: { name: 'API_TOKEN', value: '[redacted:secret-value]' },
    });
  });

  it('leave all bytes of a sample as they are but the secret', () => {
    const sample = Buffer.concat([Buffer.from([0xff, 0x00, 0xc3]), Buffer.from(' password=hünter2 end')]);
    const expected = Buffer.concat([
      Buffer.from([0xff, 0x00, 0xc3]),
      Buffer.from(' password=[redacted:secret-value] end'),
    ]);
    expect(Buffer.from(redactor.bytes(sample))).toEqual(expected);
  });
});

describe('rules of an organisation', () => {
  const own = createRedactor({
    rules: [{ name: 'badge', pattern: 'badge-[0-9]{6}', ignore_case: true }],
    disabled_builtin: [],
  });

  it('hide beside the built-in ones', () => {
    expect(own.text('BADGE-123456 of a@firma.de').text).toBe('[redacted:badge] of [redacted:email]');
  });

  it.each([
    ['a pattern that is none', { name: 'x', pattern: '(' }],
    ['look-around', { name: 'x', pattern: '(?=a)' }],
    ['a back reference', { name: 'x', pattern: '(a)\\1' }],
    ['the empty text', { name: 'x', pattern: 'a*' }],
    ['a giant repetition', { name: 'x', pattern: '((a{100}){100}){100}' }],
    ['the name of a built-in rule', { name: 'email', pattern: 'a' }],
  ])('are refused for %s', (_case, rule) => {
    expect(checkRule(rule)).toBeTypeOf('string');
    expect(() => createRedactor({ rules: [rule], disabled_builtin: [] })).toThrow(RedactionRuleError);
  });

  it('hide what lies behind the characters they look at', () => {
    const { text, hits } = own.text(`${'a '.repeat(40_000)}badge-123456`);
    expect(text).not.toContain('123456');
    expect(hits).toEqual([{ rule: 'badge', start: 65_536, end: 80_012 }]);
  });

  it('take no longer for patterns that explode elsewhere', () => {
    const slow = createRedactor({ rules: [{ name: 'slow', pattern: '(x+x+)+y' }], disabled_builtin: [] });
    const before = process.cpuUsage().user;
    slow.text('x'.repeat(16_384));
    expect((process.cpuUsage().user - before) / 1000).toBeLessThan(500);
  });
});
