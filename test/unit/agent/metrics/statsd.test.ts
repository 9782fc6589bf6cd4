/** StatsD lines, good and bad, and what they add up to. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRefusals } from '../../../../agent/metrics/refusals.ts';
import { parseStatsdLine, type StatsdSample } from '../../../../agent/metrics/statsd-line.ts';
import { createStatsdStore, MAX_SET_MEMBERS } from '../../../../agent/metrics/statsd-store.ts';

describe('a StatsD line', () => {
  it.each([
    ['a counter', 'hits:1|c', { name: 'hits', type: 'c', values: ['1'], sampleRate: 1, labels: {} }],
    ['a sample rate', 'hits:2|c|@0.1', { values: ['2'], sampleRate: 0.1 }],
    ['a gauge', 'temp:21.5|g', { type: 'g', values: ['21.5'] }],
    ['steps of a gauge', 'temp:-3|g', { values: ['-3'] }],
    ['a timer', 'db.query:320|ms|@0.5', { name: 'db.query', type: 'ms', sampleRate: 0.5 }],
    ['a set', 'users:a:b|s', { type: 's', values: ['a:b'] }],
    ['packed values', 'latency:1:2:3|d', { values: ['1', '2', '3'] }],
    ['tags', 'a:1|c|#env:prod,hot,url:http://x', { labels: { env: 'prod', hot: 'true', url: 'http://x' } }],
    [
      'tags before the rate, and a container',
      'a:1|c|#x:1|@0.5|c:abc|T1',
      { labels: { x: '1' }, sampleRate: 0.5 },
    ],
    ['an exponent', 'a:1e3|g', { values: ['1e3'] }],
  ])('reads %s', (_what, line, expected) => {
    expect(parseStatsdLine(line)).toMatchObject(expected);
  });

  it.each([
    ['no value', 'hits', 'malformed'],
    ['no name', ':1|c', 'malformed'],
    ['an empty value', 'hits:|c', 'malformed'],
    ['no type', 'hits:1', 'malformed'],
    ['a type of another server', 'hits:1|kv', 'unsupported'],
    ['text for a number', 'hits:abc|c', 'malformed'],
    ['a hexadecimal number', 'hits:0x10|c', 'malformed'],
    ['NaN', 'temp:NaN|g', 'not_finite'],
    ['infinity', 'temp:-inf|g', 'not_finite'],
    ['a number beyond all', 'temp:1e999|g', 'malformed'],
    ['a rate of nothing', 'hits:1|c|@0', 'malformed'],
    ['a rate above one', 'hits:1|c|@2', 'malformed'],
    ['a rate that is no number', 'hits:1|c|@x', 'malformed'],
    ['an event', '_e{5,4}:title|text', 'unsupported'],
    ['a service check', '_sc|name|0', 'unsupported'],
    ['an empty member', 'users:|s', 'malformed'],
    ['a line without end', `a:1|c|#${'x'.repeat(9000)}`, 'too_large'],
    ['too many packed values', `a:${'1:'.repeat(1500)}1|d`, 'too_large'],
  ])('refuses %s', (_what, line, reason) => {
    expect(parseStatsdLine(line)).toBe(reason);
  });

  it('never throws', () => {
    const pieces = fc.constantFrom('a', ':', '|', '1', 'c', 'g', '@', '#', ',', '-', '0.1', '\0', 'é', '_e{');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(pieces, { maxLength: 40 }).map((all) => all.join('')),
        ),
        (line) => {
          const parsed = parseStatsdLine(line);
          if (typeof parsed === 'object') expect(parsed.sampleRate).toBeGreaterThan(0);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('what StatsD adds up to', () => {
  const now = new Date(0);
  const series = (key = 's') => ({ key, metricType: key, labels: {} });
  const sample = (line: string): StatsdSample => {
    const parsed = parseStatsdLine(line);
    if (typeof parsed === 'string') throw new Error(`${line}: ${parsed}`);
    return parsed;
  };
  const storeOf = (...lines: string[]) => {
    const refusals = createRefusals();
    const store = createStatsdStore(refusals, 10, () => 0.5);
    for (const line of lines) store.add(series(), sample(line));
    return { refusals, store, value: () => store.flush(10, now)[0]?.value };
  };

  it('sums counters, corrected by the sample rate, and begins at nothing again', () => {
    const { store, value } = storeOf('a:1|c', 'a:2|c|@0.1', 'a:-1|c');
    expect(value()).toEqual({ count: 20, per_second: 2 });
    expect(store.flush(10, now)).toEqual([]);
  });

  it('sets and steps gauges, also after a flush, and sends them only when they were set', () => {
    const { store, value } = storeOf('a:10|g', 'a:+5|g', 'a:-3|g');
    expect(value()).toEqual({ value: 12 });
    expect(store.flush(10, now)).toEqual([]);
    store.add(series(), sample('a:+1|g'));
    expect(value()).toEqual({ value: 13 });
  });

  it('counts members of sets once, up to a bound', () => {
    const { refusals, store, value } = storeOf('a:x|s', 'a:y|s', 'a:x|s');
    for (let member = 0; member < MAX_SET_MEMBERS; member += 1) store.add(series(), sample(`a:m${member}|s`));
    expect(value()).toEqual({ unique: MAX_SET_MEMBERS });
    expect(refusals.counts()).toEqual({ too_many_members: 2 });
  });

  it('describes timers, weighted by the sample rate', () => {
    const { value } = storeOf(...Array.from({ length: 100 }, (_, at) => `a:${at + 1}|ms|@0.5`));
    expect(value()).toEqual({ events: 200, mean: 50.5, min: 1, max: 100, p50: 50, p95: 95 });
  });

  it('keeps few of many timings, but all of their sum', () => {
    const { value } = storeOf(...Array.from({ length: 5000 }, () => 'a:7|h'));
    expect(value()).toEqual({ events: 5000, mean: 7, min: 7, max: 7, p50: 7, p95: 7 });
  });

  it('is bounded in series, and forgets idle gauges when room is needed', () => {
    const { refusals, store } = storeOf();
    for (let at = 0; at < 12; at += 1) store.add(series(`s${at}`), sample('a:1|g'));
    expect(refusals.counts()).toEqual({ too_many_series: 2 });
    store.flush(10, now);
    store.flush(10, now);
    expect(store.size()).toBeLessThan(10);
  });
});
