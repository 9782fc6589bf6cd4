import { describe, expect, it } from 'vitest';
import { chunkHours, partitionWidth, rowsPerDay } from '../../../../db/timeseries/chunk-width.ts';

describe('rowsPerDay', () => {
  const now = new Date('2026-11-23T12:00:00Z');
  const chunk = (from: string, to: string, rows: number) => ({
    from: new Date(from),
    to: new Date(to),
    rows,
  });
  it.each([
    ['no chunk', [], null],
    ['an empty one', [chunk('2026-11-22', '2026-11-23', 0)], null],
    ['one that has only begun', [chunk('2026-11-23T11:30:00Z', '2026-11-24', 500)], null],
    ['one ahead', [chunk('2026-11-24', '2026-11-25', 500)], null],
    ['a whole one', [chunk('2026-11-20', '2026-11-22', 2000)], 1000],
    ['half of one', [chunk('2026-11-23', '2026-11-24', 600)], 1200],
    ['the busier of two', [chunk('2026-11-21', '2026-11-22', 9), chunk('2026-11-22', '2026-11-23', 10)], 10],
  ])('of %s', (_, chunks, rate) => expect(rowsPerDay(chunks, now)).toBe(rate));
});

describe('the width', () => {
  it.each([
    [1, 720, 'month'],
    [500_000, 720, 'month'],
    [500_001, 168, 'week'],
    [2_000_000, 168, 'week'],
    [2_200_000, 72, 'day'],
    [15_000_000, 24, 'day'],
    [100_000_000, 2, 'day'],
    [360_000_000, 1, 'day'],
    [8_640_000_000, 1, 'day'],
  ])('at %i rows a day is %i hours, natively a %s', (rate, hours, width) => {
    expect(chunkHours(rate)).toBe(hours);
    expect(partitionWidth(rate)).toBe(width);
  });
});
