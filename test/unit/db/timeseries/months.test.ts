import { describe, expect, it } from 'vitest';
import { monthOf, monthOfLabel } from '../../../../db/timeseries/months.ts';

describe('monthOf', () => {
  it.each([
    ['2026-11-23T10:00:00Z', 0, '2026_11', '2026-11-01', '2026-12-01'],
    ['2026-12-31T23:59:59.999Z', 0, '2026_12', '2026-12-01', '2027-01-01'],
    ['2026-11-30T10:00:00Z', 2, '2027_01', '2027-01-01', '2027-02-01'],
    ['2027-01-31T00:00:00Z', -1, '2026_12', '2026-12-01', '2027-01-01'],
    ['2028-01-31T00:00:00Z', 1, '2028_02', '2028-02-01', '2028-03-01'],
  ])('of %s and %i months on is %s', (at, offset, label, from, to) => {
    expect(monthOf(new Date(at), offset)).toEqual({ label, from: new Date(from), to: new Date(to) });
  });
});

describe('monthOfLabel', () => {
  it('is the inverse of the label', () => {
    const month = monthOf(new Date('2026-11-23T10:00:00Z'));
    expect(monthOfLabel(month.label)).toEqual(month);
  });
  it.each(['default', '2026_13', '2026_00', '2026-11', '12026_11', ''])('is null for %j', (label) => {
    expect(monthOfLabel(label)).toBeNull();
  });
});
