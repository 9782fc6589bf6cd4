/** Small decisions of exports, dashboard and dead letters. */
import { describe, expect, it } from 'vitest';
import type { RawMetric } from '#db';
import { lastHour } from '../../../../control-plane/telemetry/dashboard.ts';
import { sampleText } from '../../../../control-plane/telemetry/dead-letter-list.ts';
import { createExportSlots } from '../../../../control-plane/telemetry/export-slots.ts';
import { placeAfter } from '../../../../control-plane/telemetry/metric-export.ts';
import { timeRange } from '../../../../control-plane/telemetry/time-range.ts';

const raw = (deviceId: string, atMs: number): RawMetric => ({
  deviceId,
  at: new Date(atMs),
  receivedAt: new Date(atMs),
  metricType: 'cpu',
  value: {},
  labels: null,
  metadata: null,
});

describe('placeAfter', () => {
  it('counts the rows at the place of the last one', () => {
    expect(placeAfter([raw('a', 1), raw('a', 2), raw('a', 2)], null)).toEqual({
      deviceId: 'a',
      atMs: 2,
      skip: 2,
    });
  });
  it('adds up over pages that hold nothing else', () => {
    const before = { deviceId: 'a', atMs: 2, skip: 2 };
    expect(placeAfter([raw('a', 2), raw('a', 2)], before)).toEqual({ deviceId: 'a', atMs: 2, skip: 4 });
    expect(placeAfter([raw('a', 2), raw('b', 2)], before)).toEqual({ deviceId: 'b', atMs: 2, skip: 1 });
  });
  it('stays where nothing came', () => {
    expect(placeAfter([], { deviceId: 'a', atMs: 2, skip: 2 })).toEqual({ deviceId: 'a', atMs: 2, skip: 2 });
  });
});

describe('export slots', () => {
  async function* forever() {
    for (;;) yield 1;
  }
  it('let so many run, refuse the next, and are free again when one ends early', async () => {
    const slots = createExportSlots(1);
    const first = slots(forever)[Symbol.asyncIterator]();
    await first.next();
    const second = slots(forever)[Symbol.asyncIterator]();
    await expect(second.next()).rejects.toMatchObject({ code: 'rate.limited' });
    await first.return?.();
    const third = slots(forever)[Symbol.asyncIterator]();
    await expect(third.next()).resolves.toEqual({ value: 1, done: false });
  });
});

describe('sampleText', () => {
  it.each([
    ['text', '{"a":"ü €😀"}', '{"a":"ü €😀"}'],
    ['control characters', 'a\0b\u001b[31m\n', 'a\\x00b\\x1b[31m\n'],
  ])('shows %s', (_what, given, shown) => {
    expect(sampleText(Buffer.from(given))).toBe(shown);
  });
  it('shows bytes that are no text', () => {
    expect(sampleText(new Uint8Array([0x61, 0xff, 0xc3, 0x28, 0xe2, 0x82]))).toBe('a\\xff\\xc3(\\xe2\\x82');
  });
});

describe('lastHour', () => {
  const now = new Date('2026-11-23T06:00:30Z');
  it('has an entry for each minute, the present one last', () => {
    const at = new Date('2026-11-23T05:59:00Z');
    const counts = {
      messages: 3,
      points: 30,
      logLines: 1,
      deadLetters: 2,
      duplicates: 0,
      lagMsMax: 7,
      commitMsMax: 5,
    };
    const minutes = lastHour([{ at, ...counts }], now);
    expect(minutes).toHaveLength(60);
    expect(minutes[0]?.at).toBe('2026-11-23T05:01:00.000Z');
    expect(minutes.at(-1)?.at).toBe('2026-11-23T06:00:00.000Z');
    expect(minutes.at(-2)).toMatchObject({ messages: 3, points: 30, lag_ms_max: 7 });
    expect(minutes.at(-3)).toMatchObject({ messages: 0, lag_ms_max: null });
  });
});

describe('timeRange', () => {
  const now = new Date('2026-11-23T06:00:00Z');
  it('is the last hour by default', () => {
    expect(timeRange({}, now)).toEqual({ from: new Date('2026-11-23T05:00:00Z'), to: now });
  });
  it.each([
    ['from', { from: '2026-11-23T07:00:00Z' }],
    ['from', { from: '2020-11-23T07:00:00Z' }],
    ['to', { to: '2026-11-24T06:00:01Z' }],
  ])('names %s', (path, query) => {
    expect(() => timeRange(query, now)).toThrow(
      expect.objectContaining({ code: 'request.invalid', errors: [expect.objectContaining({ path })] }),
    );
  });
});
