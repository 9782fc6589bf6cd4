import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeValue, EventRecord, LogRecord, MetricRecord } from '#contract';
import { checkRecord } from '../../../../control-plane/ingest/record-check.ts';

const SCHEMAS = { metrics: MetricRecord, logs: LogRecord, events: EventRecord };
const metric = { timestamp: '2026-11-23T06:00:00Z', metric_type: 'cpu', value: { percent: 1 } };
const log = { timestamp: '2026-11-23T06:00:00Z', log_level: 'info', service_name: 'vllm', message: 'up' };
const event = { timestamp: '2026-11-23T06:00:00Z', kind: 'agent.started', log_level: 'info', message: 'up' };
const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

/** Good records with one field replaced by anything. */
const nearlyGood = fc
  .tuple(
    fc.constantFrom(['metrics', metric] as const, ['logs', log] as const, ['events', event] as const),
    fc.constantFrom(
      'timestamp',
      'metric_type',
      'value',
      'labels',
      'aggregate',
      'log_level',
      'service_name',
      'message',
      'kind',
      'metadata',
    ),
    fc.oneof(
      fc.jsonValue(),
      fc.string({ maxLength: 300 }),
      fc.dictionary(
        fc.string({ maxLength: 110 }),
        fc.oneof(fc.double(), fc.string({ maxLength: 210 }), fc.boolean(), fc.constant(null)),
      ),
      fc.dictionary(fc.stringMatching(/^[a-z_]{1,12}$/), fc.string({ maxLength: 110 })),
    ),
  )
  .map(([[stream, good], field, value]) => ({ stream, record: { ...good, [field]: value } }));

describe('checkRecord', () => {
  it('passes nothing that the schema of its stream refuses', () => {
    fc.assert(
      fc.property(nearlyGood, ({ stream, record }) => {
        if (checkRecord(stream, record, false) !== null) return;
        expect(decodeValue(SCHEMAS[stream], record)).toMatchObject({ ok: true });
      }),
      { numRuns: 10_000 },
    );
  });

  it('refuses nothing that its schema passes, but names that no query could use', () => {
    const isName = (name: string) => name.length > 0 && [...name].length <= 60;
    const isLabel = (name: string) => /^[a-zA-Z_][a-zA-Z0-9_]{0,39}$/.test(name);
    fc.assert(
      fc.property(nearlyGood, ({ stream, record }) => {
        const names = { ...record } as Record<string, unknown>;
        const keysOf = (field: string) => Object.keys(Object(names[field]) as object);
        const isStrict =
          [...keysOf('value'), ...keysOf('metadata')].every(isName) && keysOf('labels').every(isLabel);
        if (!isStrict || !decodeValue(SCHEMAS[stream], record).ok) return;
        expect(checkRecord(stream, record, false)).toBeNull();
      }),
      { numRuns: 10_000 },
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.constantFrom('metrics', 'logs', 'events'), fc.anything(), (stream, record) => {
        checkRecord(stream, record, false);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['metrics', metric],
    ['metrics', { ...metric, labels: { mount: '/var' }, value: { a: 1, b: 'text', c: true, d: null } }],
    [
      'metrics',
      { ...metric, aggregate: { seconds: 60, count: 6, min: { percent: 0 }, max: { percent: 2 } } },
    ],
    ['logs', log],
    ['logs', { ...log, metadata: { unit: 'vllm.service', line: 3 } }],
    ['logs', { ...log, message: '😀'.repeat(16_000) }],
    ['events', event],
  ] as const)('passes good %s', (stream, record) => {
    expect(checkRecord(stream, record, true)).toBeNull();
    expect(checkRecord(stream, record, false)).toBeNull();
  });

  it.each([
    ['number', 'value.percent', 'metrics', { ...metric, value: { percent: Number.POSITIVE_INFINITY } }],
    ['record', 'value', 'metrics', { ...metric, value: {} }],
    ['record', 'value.percent', 'metrics', { ...metric, value: { percent: [1] } }],
    ['record', 'timestamp', 'metrics', { ...metric, timestamp: '2026-02-30T00:00:00Z' }],
    ['record', 'timestamp', 'metrics', { ...metric, timestamp: 5 }],
    ['record', 'metric_type', 'metrics', { ...metric, metric_type: 'No' }],
    ['record', 'labels', 'metrics', { ...metric, labels: { 'a b': 'x' } }],
    ['record', 'value', 'metrics', { ...metric, value: { ['x'.repeat(101)]: 1 } }],
    ['record', 'record', 'metrics', [1]],
    ['record', 'record', 'logs', null],
    ['depth', 'deeper', 'metrics', { ...metric, value: { a: deep(30) } }],
    ['depth', 'deeper', 'logs', { ...log, metadata: { a: deep(5000) } }],
    ['text', 'text', 'logs', { ...log, message: 'a\0b' }],
    ['text', 'text', 'logs', { ...log, message: 'half \ud800' }],
    ['text', 'text', 'metrics', { ...metric, labels: { mount: '\0' } }],
    ['message_too_long', 'message', 'logs', { ...log, message: 'x'.repeat(20_000) }],
    ['message_too_long', 'message', 'logs', { ...log, message: 'x'.repeat(1_048_576) }],
    ['message_too_long', 'message', 'events', { ...event, message: 'x'.repeat(2001) }],
    ['record', 'log_level', 'logs', { ...log, log_level: 'notice' }],
  ] as const)('refuses with %s and names %s', (code, name, stream, record) => {
    const problem = checkRecord(stream, record, false);
    expect(problem?.code).toBe(code);
    expect(problem?.reason).toContain(name);
  });
});
