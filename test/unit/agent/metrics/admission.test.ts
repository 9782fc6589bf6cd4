/** What may leave the device as a custom metric. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeValue, METRIC_TYPES, MetricRecord } from '#contract';
import { AgentError } from '../../../../agent/errors.ts';
import { createAdmission, isRefused, SERIES_IDLE_MS } from '../../../../agent/metrics/admission.ts';
import { readMetricsConfig, resolveMetricsConfig } from '../../../../agent/metrics/config.ts';
import { createRefusals } from '../../../../agent/metrics/refusals.ts';
import { parseSocketLine } from '../../../../agent/metrics/socket-line.ts';

const NOW = new Date('2026-11-23T06:00:00Z');

function admissionOf(options: Partial<Parameters<typeof createAdmission>[0]> = {}) {
  const refusals = createRefusals();
  const clock = { ms: 0 };
  const admission = createAdmission({
    declared: [],
    undeclared: 'accept',
    maxSeries: 500,
    maxRecordsPerSecond: 200,
    refusals,
    now: () => NOW,
    monotonicMs: () => clock.ms,
    ...options,
  });
  const offer = (part: object, isRated = false) => {
    const candidate = { name: 'room', labels: {}, value: { value: 1 }, timestamp: NOW, ...part };
    const result = admission.record(candidate, isRated);
    return isRefused(result) ? result.refused : result;
  };
  return { admission, refusals, clock, offer };
}

describe('a custom record', () => {
  it('is made to fit the contract', () => {
    const { offer } = admissionOf();
    expect(offer({ name: 'Room:Temp', labels: { 'sensor-id': 'a', '1st': 'x', none: '' } })).toEqual({
      timestamp: '2026-11-23T06:00:00.000Z',
      metric_type: 'room_temp',
      labels: { sensor_id: 'a', _1st: 'x' },
      value: { value: 1 },
    });
  });

  const labels = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`l${at}`, 'x']));
  it.each([
    ['a name of the agent', { name: 'CPU' }, 'reserved_name'],
    ['a name without a letter', { name: '9' }, 'bad_name'],
    ['nine labels', { labels: labels(9) }, 'too_many_labels'],
    ['a label that is too long', { labels: { a: 'x'.repeat(101) } }, 'bad_label'],
    ['a label with U+0000', { labels: { a: '\0' } }, 'bad_label'],
    ['no fields', { value: {} }, 'bad_value'],
    ['65 fields', { value: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [at, 1])) }, 'bad_value'],
    ['NaN', { value: { a: Number.NaN } }, 'not_finite'],
    ['a list', { value: { a: [1] } }, 'bad_value'],
    ['half a character', { value: { a: '\ud800' } }, 'bad_value'],
    ['a time next year', { timestamp: new Date('2027-11-23') }, 'bad_timestamp'],
    ['a time last month', { timestamp: new Date('2026-10-23') }, 'bad_timestamp'],
    ['no time', { timestamp: new Date(Number.NaN) }, 'bad_timestamp'],
  ])('is refused and counted for %s', (_what, part, reason) => {
    const { offer, refusals } = admissionOf();
    expect(offer(part)).toBe(reason);
    expect(refusals.counts()).toEqual({ [reason]: 1 });
  });

  it.each([...METRIC_TYPES, 'agent'])('cannot be called %s', (name) => {
    expect(admissionOf().offer({ name })).toBe('reserved_name');
  });

  it('is valid whatever was offered', () => {
    const { admission } = admissionOf({ maxSeries: 1_000_000 });
    const candidate = fc.record({
      name: fc.string({ unit: 'binary', maxLength: 60 }),
      labels: fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), { maxKeys: 9 }),
      value: fc.dictionary(fc.string(), fc.anything(), { maxKeys: 5 }),
      timestamp: fc.date({ min: new Date(NOW.getTime() - 3_600_000), max: NOW }),
    });
    fc.assert(
      fc.property(candidate, (offered) => {
        const result = admission.record(offered);
        if (!isRefused(result)) expect(decodeValue(MetricRecord, result)).toMatchObject({ ok: true });
      }),
      { numRuns: 1000 },
    );
  });
});

describe('series', () => {
  it('are bounded; known ones go on, and an idle one gives up its place', () => {
    const { admission, offer, clock } = admissionOf({ maxSeries: 2 });
    const sensor = (id: string) => offer({ labels: { id } });
    expect([sensor('a'), sensor('b'), sensor('c')].map((r) => typeof r)).toEqual([
      'object',
      'object',
      'string',
    ]);
    clock.ms = SERIES_IDLE_MS - 1;
    expect(sensor('a')).toMatchObject({ labels: { id: 'a' } });
    clock.ms = SERIES_IDLE_MS + 2000;
    expect(sensor('c')).toMatchObject({ labels: { id: 'c' } });
    expect(sensor('b')).toBe('too_many_series');
    expect(admission.seriesCount()).toBe(2);
  });

  it('may be bounded for one type alone', () => {
    const { offer } = admissionOf({ declared: [{ name: 'room', labels: ['id'], max_series: 1 }] });
    expect(offer({ labels: { id: 'a' } })).toBeTypeOf('object');
    expect(offer({ labels: { id: 'b' } })).toBe('too_many_series');
    expect(offer({ name: 'other' })).toBeTypeOf('object');
  });

  it('come at a rate, with a burst of ten seconds', () => {
    const { offer, clock } = admissionOf({ maxRecordsPerSecond: 5 });
    const taken = (count: number) =>
      Array.from({ length: count }, () => offer({}, true)).filter((result) => typeof result === 'object')
        .length;
    expect(taken(60)).toBe(50);
    clock.ms = 1000;
    expect(taken(10)).toBe(5);
    expect(offer({})).toBeTypeOf('object');
  });
});

describe('declarations', () => {
  it('hold a type to its labels', () => {
    const { offer } = admissionOf({ declared: [{ name: 'room', unit: 'celsius', labels: ['sensor'] }] });
    expect(offer({ labels: { sensor: 'a' } })).toBeTypeOf('object');
    expect(offer({ labels: { sensor: 'a', floor: '1' } })).toBe('label_not_declared');
    expect(offer({ name: 'humidity', labels: { any: 'x' } })).toBeTypeOf('object');
  });

  it('are the only way in where the configuration says so', () => {
    const { admission, offer } = admissionOf({ undeclared: 'reject' });
    expect(offer({})).toBe('undeclared');
    expect(admission.declare({ name: 'Room', unit: 'celsius' })).toEqual({ problem: null, isNew: true });
    expect(offer({})).toBeTypeOf('object');
    expect(admission.declare({ name: 'Room', unit: 'celsius' })).toEqual({ problem: null, isNew: false });
  });

  it('cannot change those of the configuration, take a reserved name, or go on without end', () => {
    const { admission } = admissionOf({ declared: [{ name: 'room' }] });
    expect(admission.declare({ name: 'room', unit: 'kelvin' }).problem).toMatch(
      /^declare\.name: room is declared/,
    );
    expect(admission.declare({ name: 'cpu' }).problem).toMatch(/agent’s own/);
    expect(admission.declare({ name: '?' }).problem).toMatch(/^declare\.name/);
    for (let at = 0; at < 200; at += 1) expect(admission.declare({ name: `m${at}` }).problem).toBeNull();
    expect(admission.declare({ name: 'one_more' }).problem).toMatch(/^declare: more than 200/);
  });

  it('that change all the time are refused, for each is told to the platform', () => {
    const { admission, clock } = admissionOf();
    const change = (at: number) => admission.declare({ name: 'room', unit: `u${at}` }).problem;
    for (let at = 0; at < 200; at += 1) expect(change(at)).toBeNull();
    expect(change(200)).toBe('declare: too many of late');
    expect(admission.declare({ name: 'room', unit: 'u199' })).toEqual({ problem: null, isNew: false });
    clock.ms = 10_000;
    expect(change(200)).toBeNull();
  });
});

describe('a line of the socket', () => {
  it.each([
    [
      '{"metric_type":"room","value":21.5}',
      { kind: 'record', candidate: { name: 'room', value: { value: 21.5 } } },
    ],
    [
      '{"metric_type":"room","value":{"a":1,"b":"x"},"labels":{"s":"1"}}',
      { candidate: { labels: { s: '1' } } },
    ],
    [
      '{"metric_type":"room","value":1,"timestamp":"2026-11-23T07:00:00+01:00"}',
      { candidate: { timestamp: new Date('2026-11-23T06:00:00Z') } },
    ],
    ['{"declare":{"name":"room","unit":"celsius"}}', { kind: 'declare', declaration: { unit: 'celsius' } }],
  ])('is read: %s', (text, expected) => {
    expect(parseSocketLine(text, NOW)).toMatchObject(expected);
  });

  it.each([
    ['nonsense', 'line: is not JSON'],
    ['[1]', 'line: is not a JSON object'],
    ['null', 'line: is not a JSON object'],
    ['{"value":1}', /metric_type/],
    ['{"metric_type":"x"}', /value/],
    ['{"metric_type":"x","value":{}}', /value/],
    ['{"metric_type":"x","value":"1"}', /value/],
    ['{"metric_type":"x","value":{"a":1e400}}', 'value.a: is not a finite number'],
    ['{"metric_type":"x","value":1e400}', 'value: is not a finite number'],
    ['{"metric_type":"x","value":1,"timestamp":"now"}', /^timestamp/],
    ['{"metric_type":"x","value":1,"labels":{"a":1}}', /^labels.a/],
    ['{"declare":{"unit":"x"}}', /^declare/],
    ['{"metric_type":"\\u0000","value":1}', /U\+0000/],
  ])('is refused with the field: %s', (text, reason) => {
    const line = parseSocketLine(text, NOW);
    expect(line.kind === 'error' ? line.reason : null).toEqual(
      typeof reason === 'string' ? reason : expect.stringMatching(reason),
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        parseSocketLine(text, NOW);
      }),
      { numRuns: 1000 },
    );
    expect(parseSocketLine('['.repeat(60_000), NOW).kind).toBe('error');
    expect(parseSocketLine(`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, NOW).kind).toBe('error');
  });
});

describe('the configuration', () => {
  it('needs nothing', () => {
    expect(resolveMetricsConfig(readMetricsConfig({}))).toMatchObject({
      socket: {},
      statsd: false,
      undeclared: 'accept',
      maxSeries: 500,
    });
  });

  it('opens StatsD with one word', () => {
    expect(resolveMetricsConfig({ statsd: true }).statsd).toEqual({ host: '127.0.0.1', port: 8125 });
    expect(resolveMetricsConfig({ statsd: { port: 9125 } }).statsd).toEqual({
      host: '127.0.0.1',
      port: 9125,
    });
  });

  it.each([
    [{ max_series: 0 }, 'metrics.max_series'],
    [{ scrape: [{ url: 'ftp://x' }] }, 'metrics.scrape.0.url'],
    [{ scrape: [{ url: 'http://[' }] }, 'metrics.scrape.0.url'],
    [{ declared: [{ name: 'a', kind: 'x' }] }, 'metrics.declared.0.kind'],
    [{ processes: [{ name: 'a' }] }, 'metrics.processes.0: needs either pid_file or command'],
    [{ processes: [{ name: 'a', command: 'x', pid_file: '/x' }] }, 'metrics.processes.0'],
    [{ socket: { path: 'relative' } }, 'metrics.socket'],
  ])('names the field at fault: %j', (config, message) => {
    const read = () => readMetricsConfig(config);
    expect(read).toThrow(AgentError);
    expect(read).toThrow(message);
  });
});
