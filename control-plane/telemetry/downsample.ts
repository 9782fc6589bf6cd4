/** Fewer points of a series for one drawing, so that its peaks survive. Pure. */

/** `v` null = a gap; then `min` and `max` are null too. */
export interface Point {
  readonly t: number;
  readonly v: number | null;
  readonly min: number | null;
  readonly max: number | null;
}

/** What is looked at for the lowest and the highest of a point. */
export type Extent = (point: Point) => { readonly low: number; readonly high: number };

/** By the bounds of the samples in it. */
export const byBounds: Extent = ({ v, min, max }) => ({ low: min ?? v ?? 0, high: max ?? v ?? 0 });
/** By the value itself: a sum or count is not of the same kind as the bounds of single samples. */
export const byValue: Extent = ({ v }) => ({ low: v ?? 0, high: v ?? 0 });

/** Of each stretch at most a lowest, a highest and a gap. */
const POINTS_PER_STRETCH = 3;

/**
 * The lowest and the highest point of each stretch with their times, and a null where the stretch has a gap; at most
 * `maxPoints`, and all of them where there are no more.
 */
export function minmax(points: readonly Point[], maxPoints: number, extent: Extent = byBounds): Point[] {
  if (points.length <= maxPoints) return [...points];
  const hasGaps = points.some(({ v }) => v === null);
  const stretches = Math.max(1, Math.floor(maxPoints / (hasGaps ? POINTS_PER_STRETCH : 2)));
  const kept: Point[] = [];
  for (let stretch = 0; stretch < stretches; stretch += 1) {
    const start = Math.floor((stretch * points.length) / stretches);
    const end = Math.floor(((stretch + 1) * points.length) / stretches);
    for (const index of keptOf(points, start, end, extent)) {
      const point = points[index];
      if (point !== undefined) kept.push(point);
    }
  }
  return kept.slice(0, Math.max(maxPoints, 2));
}

function keptOf(points: readonly Point[], start: number, end: number, extent: Extent): number[] {
  let lowest = -1;
  let highest = -1;
  let gap = -1;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let index = start; index < end; index += 1) {
    const point = points[index];
    if (point === undefined) continue;
    if (point.v === null) {
      gap = index;
      continue;
    }
    const bounds = extent(point);
    if (lowest === -1 || bounds.low < low) {
      lowest = index;
      low = bounds.low;
    }
    if (highest === -1 || bounds.high > high) {
      highest = index;
      high = bounds.high;
    }
  }
  return [...new Set([lowest, highest, gap])].filter((index) => index !== -1).sort((a, b) => a - b);
}

/**
 * Largest triangle three buckets: first and last point, and of each bucket between them the point that spans the
 * largest triangle with the one kept before and the mean of the next bucket. Exactly `threshold` points of a longer
 * series, threshold ≥ 2. No gaps inside. Source: S. Steinarsson, Downsampling Time Series for Visual Representation,
 * University of Iceland 2013, §4.2.
 */
export function lttb(points: readonly Point[], threshold: number): Point[] {
  const first = points[0];
  const last = points.at(-1);
  if (points.length <= threshold || first === undefined || last === undefined) return [...points];
  if (threshold <= 2) return [first, last];
  const kept: Point[] = [first];
  const width = (points.length - 2) / (threshold - 2);
  let previous = first;
  for (let bucket = 0; bucket < threshold - 2; bucket += 1) {
    const start = Math.floor(bucket * width) + 1;
    const end = Math.floor((bucket + 1) * width) + 1;
    const next = meanOf(points, end, Math.min(Math.floor((bucket + 2) * width) + 1, points.length));
    previous = largestTriangle(points, start, end, previous, next);
    kept.push(previous);
  }
  kept.push(last);
  return kept;
}

function meanOf(points: readonly Point[], start: number, end: number): { t: number; v: number } {
  let t = 0;
  let v = 0;
  for (let index = start; index < end; index += 1) {
    t += points[index]?.t ?? 0;
    v += points[index]?.v ?? 0;
  }
  const n = Math.max(1, end - start);
  return { t: t / n, v: v / n };
}

function largestTriangle(
  points: readonly Point[],
  start: number,
  end: number,
  previous: Point,
  next: { readonly t: number; readonly v: number },
): Point {
  let best = points[start] ?? previous;
  let largest = -1;
  for (let index = start; index < end; index += 1) {
    const point = points[index];
    if (point === undefined) continue;
    const area = Math.abs(
      (previous.t - next.t) * ((point.v ?? 0) - (previous.v ?? 0)) -
        (previous.t - point.t) * (next.v - (previous.v ?? 0)),
    );
    if (area > largest) {
      largest = area;
      best = point;
    }
  }
  return best;
}

/** `lttb` of each piece between gaps, each with its share of the points; many gaps leave too few for that. */
export function lttbWithGaps(points: readonly Point[], maxPoints: number): Point[] {
  if (points.length <= maxPoints) return [...points];
  const pieces = piecesOf(points);
  const gaps = pieces.length - 1;
  const values = points.length - gaps;
  const budget = maxPoints - gaps;
  if (budget < pieces.length * POINTS_PER_STRETCH) return minmax(points, maxPoints);
  const kept: Point[] = [];
  for (const { gap, piece } of pieces) {
    if (gap !== null) kept.push(gap);
    // Two for each piece, and what is left by their lengths: the sum stays within the budget.
    const share = 2 + Math.floor(((budget - 2 * pieces.length) * piece.length) / values);
    kept.push(...lttb(piece, share));
  }
  return kept;
}

interface Piece {
  /** The null before it. */
  readonly gap: Point | null;
  readonly piece: Point[];
}

function piecesOf(points: readonly Point[]): Piece[] {
  const pieces: Piece[] = [{ gap: null, piece: [] }];
  for (const point of points) {
    if (point.v === null) pieces.push({ gap: point, piece: [] });
    else pieces.at(-1)?.piece.push(point);
  }
  return pieces;
}
