import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clockSkew,
  MAX_FUTURE_MS,
  MAX_PAST_MS,
  placeInTime,
  SKEW_LIMIT_MS,
  timeOf,
} from '../../../../control-plane/ingest/device-time.ts';

const NOW = Date.parse('2026-11-23T06:00:00.000Z');
const iso = (ms: number): string => new Date(ms).toISOString();

describe('timeOf', () => {
  it('reads what a date writes, as Date.parse does', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          expect(timeOf(date.toISOString())).toBe(date.getTime());
        },
      ),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['2026-11-23T06:00:00Z', '2026-11-23T06:00:00.000Z'],
    ['2026-11-23t06:00:00z', '2026-11-23T06:00:00.000Z'],
    ['2026-11-23T08:00:00.5+02:00', '2026-11-23T06:00:00.500Z'],
    ['2026-11-23T06:00:00.123456Z', '2026-11-23T06:00:00.123Z'],
    ['2024-02-29T00:00:00.000Z', '2024-02-29T00:00:00.000Z'],
  ])('reads %s', (text, same) => {
    expect(timeOf(text)).toBe(Date.parse(same));
  });

  it.each([
    '',
    'yesterday',
    '2026-11-23',
    '2026-11-23T06:00:00',
    '2026-02-29T00:00:00.000Z',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00.000Z',
    '2026-11-23T24:00:00.000Z',
    '2026-11-23T06:00:00.00aZ',
    '2026-11-23T06:00:60.000Z',
    ' 2026-11-23T06:00:00Z',
  ])('refuses %j', (text) => {
    expect(timeOf(text)).toBeNaN();
  });
});

describe('placeInTime', () => {
  it('takes a good clock at its word', () => {
    const at = NOW - 3_600_000;
    expect(placeInTime(at, iso(at), 0, NOW)).toEqual({ atMs: at, flags: null });
  });

  it('lets a clock be a little off, and corrects one that is two minutes off', () => {
    expect(clockSkew(NOW + SKEW_LIMIT_MS - 1, NOW)).toBe(0);
    expect(clockSkew(NOW - SKEW_LIMIT_MS, NOW)).toBe(-SKEW_LIMIT_MS);
    expect(clockSkew(null, NOW)).toBe(0);
  });

  it('moves a record of a device five years ahead to where it belongs, and keeps what the device said', () => {
    const skew = 5 * 365 * 86_400_000;
    const said = NOW + skew - 10_000;
    expect(placeInTime(said, iso(said), skew, NOW)).toEqual({
      atMs: NOW - 10_000,
      flags: { clock_skew_ms: skew, device_timestamp: iso(said) },
    });
  });

  it.each([
    ['ahead of belief', NOW + MAX_FUTURE_MS + 1],
    ['behind belief', NOW - MAX_PAST_MS - 1],
  ])('puts a time %s to where it was received', (_sentence, said) => {
    expect(placeInTime(said, iso(said), 0, NOW)).toEqual({
      atMs: NOW,
      flags: { device_timestamp: iso(said) },
    });
  });
});
