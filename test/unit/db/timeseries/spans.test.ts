import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  labelOf,
  missingSpans,
  type Span,
  spanOf,
  tooWideAhead,
  WIDTHS,
} from '../../../../db/timeseries/spans.ts';

const span = (from: string, to: string): Span => ({ from: new Date(from), to: new Date(to) });

describe('spanOf', () => {
  it.each([
    ['month', '2026-11-23T10:00:00Z', 0, '2026-11-01', '2026-12-01'],
    ['month', '2026-12-31T23:59:59.999Z', 0, '2026-12-01', '2027-01-01'],
    ['month', '2027-01-31T00:00:00Z', -1, '2026-12-01', '2027-01-01'],
    ['month', '2028-01-31T00:00:00Z', 1, '2028-02-01', '2028-03-01'],
    ['week', '2026-11-22T23:59:59Z', 0, '2026-11-16', '2026-11-23'],
    ['week', '2026-11-23T00:00:00Z', 1, '2026-11-30', '2026-12-07'],
    ['day', '2026-11-30T23:00:00Z', 1, '2026-12-01', '2026-12-02'],
  ] as const)('a %s at %s and %i on', (width, at, offset, from, to) => {
    expect(spanOf(width, new Date(at), offset)).toEqual(span(from, to));
  });
});

describe('labelOf', () => {
  it.each([
    ['2026-11-01', '2026-12-01', '2026_11'],
    ['2026-11-23', '2026-11-24', '2026_11_23'],
    ['2026-11-23', '2026-11-30', '2026_11_23_to_2026_11_30'],
  ])('from %s to %s is %s', (from, to, label) => expect(labelOf(span(from, to))).toBe(label));
});

describe('missingSpans', () => {
  const now = new Date('2026-11-23T10:00:00Z');
  it('leaves out what exists, and cuts at it', () => {
    const november = span('2026-11-01', '2026-12-01');
    expect(missingSpans([november], 'week', now)).toEqual([
      span('2026-12-01', '2026-12-07'),
      span('2026-12-07', '2026-12-14'),
    ]);
    expect(missingSpans([november], 'month', now).map(labelOf)).toEqual(['2026_10', '2026_12', '2027_01']);
  });

  it('covers the time around now without overlap, however widths and times change', () => {
    const change = fc.record({ width: fc.constantFrom(...WIDTHS), days: fc.integer({ min: 0, max: 40 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        let existing: Span[] = [];
        let at = +now;
        for (const { width, days } of changes) {
          at += days * 86_400_000;
          existing = [...existing, ...missingSpans(existing, width, new Date(at))];
          const sorted = existing.toSorted((a, b) => +a.from - +b.from);
          for (const [index, { to }] of sorted.slice(0, -1).entries()) {
            expect(+to).toBeLessThanOrEqual(Number(sorted[index + 1]?.from));
          }
          expect(sorted.some(({ from, to }) => +from <= at && at < +to)).toBe(true);
          expect(new Set(existing.map(labelOf)).size).toBe(existing.length);
        }
      }),
    );
  });
});

describe('tooWideAhead', () => {
  it('names spans that have not begun and are wider than wanted', () => {
    const spans = [span('2026-11-01', '2026-12-01'), span('2026-12-01', '2027-01-01')];
    const now = new Date('2026-11-23T10:00:00Z');
    expect(tooWideAhead(spans, 'day', now)).toEqual([spans[1]]);
    expect(tooWideAhead(spans, 'month', now)).toEqual([]);
  });
});
