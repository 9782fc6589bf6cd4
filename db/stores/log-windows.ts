/** The windows of time in which a log is searched, from a place outwards. Pure. */

export interface Window {
  /** Inclusive; null = without end. */
  readonly fromMicros: bigint | null;
  /** Exclusive; null = without end. */
  readonly toMicros: bigint | null;
}
export interface WindowRange {
  /** Where to begin; null = at the open end of the range. */
  readonly anchorMicros: bigint | null;
  readonly fromMicros: bigint | null;
  readonly toMicros: bigint | null;
}

const MINUTE = 60_000_000n;
/** The first window; its few lines may be read one by one in order of time. */
export const NARROW_MICROS = 5n * MINUTE;
/**
 * Distance from the anchor at which each window ends. A word of every hundredth line is found in the first; a rarer one
 * is looked up in its index, a few times at most.
 */
const ENDS: readonly bigint[] = [
  NARROW_MICROS,
  ...[6n, 24n, 168n, 720n].map((hours) => hours * 60n * MINUTE),
];

const later = (a: bigint | null, b: bigint): bigint => (a === null || b > a ? b : a);
const earlier = (a: bigint | null, b: bigint): bigint => (a === null || b < a ? b : a);

/** Newest first, each directly before the other; the first reaches up to the end of the range. */
export function olderWindows({ anchorMicros, fromMicros, toMicros }: WindowRange): Window[] {
  const windows: Window[] = [];
  let upper = toMicros;
  for (const end of anchorMicros === null ? [] : ENDS) {
    const lower = later(fromMicros, (anchorMicros ?? 0n) - end);
    if (upper !== null && lower >= upper) continue;
    windows.push({ fromMicros: lower, toMicros: upper });
    upper = lower;
  }
  return isOver(upper, fromMicros) ? windows : [...windows, { fromMicros, toMicros: upper }];
}

/** Oldest first, each directly after the other; the first begins where the range does. */
export function newerWindows({ anchorMicros, fromMicros, toMicros }: WindowRange): Window[] {
  const windows: Window[] = [];
  let lower = fromMicros;
  for (const end of anchorMicros === null ? [] : ENDS) {
    const upper = earlier(toMicros, (anchorMicros ?? 0n) + end);
    if (lower !== null && upper <= lower) continue;
    windows.push({ fromMicros: lower, toMicros: upper });
    lower = upper;
  }
  return isOver(toMicros, lower) ? windows : [...windows, { fromMicros: lower, toMicros }];
}

const isOver = (upper: bigint | null, lower: bigint | null): boolean =>
  upper !== null && lower !== null && lower >= upper;
