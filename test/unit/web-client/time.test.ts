import { describe, expect, it } from 'vitest';
import { duration, relativeTime } from '../../../web/client/format/time.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const secondsBack = (seconds: number): string => new Date(NOW_MS - seconds * 1000).toISOString();

describe('relativeTime', () => {
  it.each([
    [0, 'just now'],
    [4, 'just now'],
    [5, '5 s ago'],
    [59, '59 s ago'],
    [60, '1 min ago'],
    [3599, '59 min ago'],
    [3600, '1 h ago'],
    [47 * 3600, '47 h ago'],
    [48 * 3600, '2 d ago'],
    [29 * 86_400, '29 d ago'],
    [-3, 'just now'],
    [-90, 'in 1 min'],
    [-40 * 3600, 'in 40 h'],
  ])('of %i s ago is %s', (seconds, text) => {
    expect(relativeTime(secondsBack(seconds), NOW_MS)).toBe(text);
  });

  it('becomes a date after a month', () => {
    expect(relativeTime(secondsBack(31 * 86_400), NOW_MS)).toMatch(/2026/);
  });

  it('admits what it cannot read', () => {
    expect(relativeTime('yesterday', NOW_MS)).toBe('unknown');
  });
});

describe('duration', () => {
  it.each([
    [0, '0 s'],
    [59, '59 s'],
    [60, '1 min'],
    [3600, '1 h'],
    [3660, '1 h 1 min'],
    [86_400, '1 d'],
    [312_540, '3 d 14 h'],
  ])('of %i s is %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});
