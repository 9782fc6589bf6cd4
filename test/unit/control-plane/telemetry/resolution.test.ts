/** Which resolution a range is read in. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RESOLUTIONS } from '#web-api';
import { chooseResolution, coarser } from '../../../../control-plane/telemetry/resolution.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const toMs = Date.UTC(2026, 10, 23, 6);
const ask = (spanMs: number, rest: Partial<Parameters<typeof chooseResolution>[0]> = {}) =>
  chooseResolution({ fromMs: toMs - spanMs, toMs, devices: 1, maxPoints: 500, requested: 'auto', ...rest });

describe('chooseResolution', () => {
  it.each([
    ['an hour of one device as it came', HOUR_MS, {}, 'raw', null],
    ['six hours of one device as they came', 6 * HOUR_MS, {}, 'raw', null],
    ['six hours of two devices in buckets', 6 * HOUR_MS, { devices: 2 }, '1m', 60],
    ['a day in buckets of minutes', DAY_MS, {}, '1m', 180],
    ['a day with few points in buckets of hours', DAY_MS, { maxPoints: 25 }, '1h', 3600],
    ['30 days in buckets of hours', 30 * DAY_MS, {}, '1h', 2 * 3600],
    ['a year in buckets of days', 365 * DAY_MS, {}, '1d', 86_400],
    ['5 years with 100 points in buckets of months', 5 * 365 * DAY_MS, { maxPoints: 100 }, '1d', 30 * 86_400],
    ['many devices in coarser buckets', DAY_MS, { devices: 400 }, '1m', 1800],
    ['what was asked for', DAY_MS, { requested: '1h' }, '1h', 3600],
    [
      'what was asked for, wider where the points do not suffice',
      90 * DAY_MS,
      { requested: '1m' },
      '1m',
      6 * 3600,
    ],
    ['raw where it was asked for', 30 * DAY_MS, { requested: 'raw' }, 'raw', null],
    ['common buckets where devices become one', HOUR_MS, { isCombined: true }, '1m', 60],
    ['fine common buckets of raw samples', HOUR_MS, { isCombined: true, requested: 'raw' }, 'raw', 10],
  ] as const)('reads %s', (_sentence, spanMs, rest, resolution, bucketSeconds) => {
    expect(ask(spanMs, rest)).toEqual({ resolution, bucketSeconds });
  });

  it('reads no resolution that is no longer kept', () => {
    const keptSinceMs = { raw: toMs - DAY_MS, '1m': toMs - 10 * DAY_MS, '1h': toMs - 400 * DAY_MS, '1d': 0 };
    const hourLong = (endMs: number) =>
      chooseResolution({
        fromMs: endMs - HOUR_MS,
        toMs: endMs,
        devices: 1,
        maxPoints: 500,
        requested: 'auto',
        keptSinceMs,
      });
    expect(hourLong(toMs).resolution).toBe('raw');
    expect(hourLong(toMs - 5 * DAY_MS)).toEqual({ resolution: '1m', bucketSeconds: 60 });
    expect(hourLong(toMs - 50 * DAY_MS)).toEqual({ resolution: '1h', bucketSeconds: 3600 });
    expect(hourLong(toMs - 500 * DAY_MS)).toEqual({ resolution: '1d', bucketSeconds: 86_400 });
  });

  it('never makes more buckets than points, and widths that its resolution can make', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1000, max: 5 * 365 * DAY_MS }),
        fc.integer({ min: 0, max: 86_400_000 }),
        fc.integer({ min: 2, max: 5000 }),
        fc.integer({ min: 1, max: 1000 }),
        fc.constantFrom('auto' as const, ...RESOLUTIONS),
        fc.boolean(),
        (spanMs, shiftMs, maxPoints, devices, requested, isCombined) => {
          const fromMs = toMs - spanMs - shiftMs;
          const end = fromMs + spanMs;
          const chosen = chooseResolution({ fromMs, toMs: end, devices, maxPoints, requested, isCombined });
          const { resolution, bucketSeconds } = chosen;
          if (bucketSeconds === null) return resolution === 'raw' && !isCombined;
          const widthMs = bucketSeconds * 1000;
          const buckets = Math.ceil(end / widthMs) - Math.floor(fromMs / widthMs);
          const base = { raw: 1, '1m': 60, '1h': 3600, '1d': 86_400 }[resolution];
          return buckets <= maxPoints && bucketSeconds % base === 0;
        },
      ),
    );
  });
});

describe('coarser', () => {
  const question = {
    fromMs: toMs - 6 * HOUR_MS,
    toMs,
    devices: 1,
    maxPoints: 500,
    requested: 'auto' as const,
  };

  it('goes from samples to buckets, then to wider ones, and ends', () => {
    const first = coarser({ resolution: 'raw', bucketSeconds: null }, question);
    expect(first).toEqual({ resolution: '1m', bucketSeconds: 60 });
    let chosen = first;
    const widths: number[] = [];
    while (chosen !== null) {
      widths.push(chosen.bucketSeconds ?? 0);
      chosen = coarser(chosen, question);
    }
    expect(widths).toEqual([60, 300, 1200, 7200]);
  });
});
