/** Fewer points, the same peaks. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  byValue,
  lttb,
  lttbWithGaps,
  minmax,
  type Point,
} from '../../../../control-plane/telemetry/downsample.ts';

const point = (t: number, v: number | null, min = v, max = v): Point => ({ t, v, min, max });
const gap = (t: number): Point => point(t, null);

/** Ascending times with values; now and then a gap, never two in a row and never at an end. */
const series = (withGaps: boolean) =>
  fc
    .array(
      fc.record({
        v: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        spread: fc.double({ min: 0, max: 100, noNaN: true }),
        isGap: withGaps ? fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0) : fc.constant(false),
      }),
      { minLength: 3, maxLength: 400 },
    )
    .map((items) =>
      items.flatMap(({ v, spread, isGap }, index) => {
        const here = point(index * 10, v, v - spread, v + spread);
        return isGap && index > 0 ? [gap(index * 10 - 5), here] : [here];
      }),
    );

const least = (points: readonly Point[]) =>
  Math.min(...points.flatMap(({ min }) => (min === null ? [] : [min])));
const most = (points: readonly Point[]) =>
  Math.max(...points.flatMap(({ max }) => (max === null ? [] : [max])));
const isOrderedPart = (part: readonly Point[], whole: readonly Point[]) =>
  part.every((one, index) => whole.includes(one) && (index === 0 || (part[index - 1]?.t ?? 0) < one.t));

describe('minmax', () => {
  it('keeps the lowest and the highest with their times, within the bound', () => {
    fc.assert(
      fc.property(series(true), fc.integer({ min: 3, max: 300 }), (points, maxPoints) => {
        const kept = minmax(points, maxPoints);
        expect(kept.length).toBeLessThanOrEqual(maxPoints);
        expect(least(kept)).toBe(least(points));
        expect(most(kept)).toBe(most(points));
        expect(isOrderedPart(kept, points)).toBe(true);
      }),
    );
  });

  it('keeps a gap in each stretch that has one', () => {
    const points = [
      point(0, 1),
      point(1, 2),
      gap(2),
      ...Array.from({ length: 50 }, (_, index) => point(10 + index, index)),
    ];
    expect(minmax(points, 9).filter(({ v }) => v === null)).toEqual([gap(2)]);
  });

  it('leaves alone what is short enough', () => {
    const points = [point(0, 1), gap(1), point(2, 3)];
    expect(minmax(points, 3)).toEqual(points);
  });

  it('looks at the value alone where bounds are of another kind', () => {
    const points = [point(0, 100, 1, 2), point(1, 900, 1, 2), point(2, 5, 1, 50), point(3, 100, 0, 2)];
    expect(minmax(points, 2, byValue).map(({ v }) => v)).toEqual([900, 5]);
  });
});

describe('lttb', () => {
  it('gives exactly as many points as asked for, the first and the last among them', () => {
    fc.assert(
      fc.property(series(false), fc.integer({ min: 2, max: 300 }), (points, threshold) => {
        const kept = lttb(points, threshold);
        expect(kept.length).toBe(Math.min(points.length, threshold));
        expect(kept[0]).toBe(points[0]);
        expect(kept.at(-1)).toBe(points.at(-1));
        expect(isOrderedPart(kept, points)).toBe(true);
      }),
    );
  });

  it('keeps a lone spike', () => {
    const points = Array.from({ length: 1000 }, (_, index) => point(index, index === 617 ? 100 : 1));
    expect(lttb(points, 20).some(({ t, v }) => t === 617 && v === 100)).toBe(true);
  });

  it('keeps every gap while there are points for the pieces between, and stays within the bound', () => {
    fc.assert(
      fc.property(series(true), fc.integer({ min: 3, max: 300 }), (points, maxPoints) => {
        const kept = lttbWithGaps(points, maxPoints);
        expect(kept.length).toBeLessThanOrEqual(maxPoints);
        expect(isOrderedPart(kept, points)).toBe(true);
        const gaps = points.filter(({ v }) => v === null);
        if (maxPoints >= gaps.length + 3 * (gaps.length + 1)) {
          expect(kept.filter(({ v }) => v === null)).toEqual(gaps);
        }
      }),
    );
  });
});
