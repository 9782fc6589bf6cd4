/** The windows of time in which a log is searched, from a place outwards: narrow at first, wider as long as that is quick. Pure. */

export interface Window {
  /** Inclusive; null = without end. */
  readonly fromMicros: bigint | null;
  /** Exclusive; null = without end. */
  readonly toMicros: bigint | null;
}
export interface WindowRange {
  /** Where to begin; null = at the open end of the range, which is then one window. */
  readonly anchorMicros: bigint | null;
  readonly fromMicros: bigint | null;
  readonly toMicros: bigint | null;
  /** What is newer is one window: only clocks that are ahead wrote there. */
  readonly presentMicros: bigint;
}
export interface WindowWalk {
  /** Null when the range is searched to its end. @param spent of the window before, and what is left for all of them. */
  next(spent: { readonly tookMs: number; readonly leftMs: number }): Window | null;
  /** The window given last ends the range. */
  readonly isDone: boolean;
  /** The end of the windows given so far, away from the anchor. */
  readonly reachedMicros: bigint | null;
}

const MINUTE = 60_000_000n;
/** The first window; its few lines may be read one by one in order of time. */
export const NARROW_MICROS = 5n * MINUTE;
/** A wider window than before by so much at most: what was quick in an hour says little of a month. */
const MOST_GROWTH = 16;
/** No narrower than this after the first: each window costs a statement. */
const LEAST_MICROS = 60n * MINUTE;
/** From here on the rest of the range is one window. */
const MOST_MICROS = 366n * 24n * 60n * MINUTE;
/** A window aims at this part of the time that is left, as others before it took longer than thought. */
const AIM = 0.5;

const later = (a: bigint | null, b: bigint): bigint => (a === null || b > a ? b : a);
const earlier = (a: bigint | null, b: bigint): bigint => (a === null || b < a ? b : a);

/** Each window directly outside the one before: `older` newest first, `newer` oldest first. */
export function walkWindows(direction: 'older' | 'newer', range: WindowRange): WindowWalk {
  const isOlder = direction === 'older';
  const { anchorMicros, fromMicros, toMicros, presentMicros } = range;
  const end = isOlder ? fromMicros : toMicros;
  let inner = isOlder ? toMicros : fromMicros;
  let width = 0n;
  let isDone = fromMicros !== null && toMicros !== null && fromMicros >= toMicros;
  return {
    next(spent) {
      if (isDone) return null;
      width = width === 0n ? NARROW_MICROS : wider(width, spent);
      let edge = end;
      const isAhead = !isOlder && inner !== null && inner >= presentMicros;
      if (anchorMicros !== null && width <= MOST_MICROS && !isAhead) {
        edge = isOlder
          ? later(end, earlier(inner, anchorMicros) - width)
          : earlier(end, later(inner, anchorMicros) + width);
      }
      const window = isOlder ? { fromMicros: edge, toMicros: inner } : { fromMicros: inner, toMicros: edge };
      inner = edge;
      isDone = edge === end;
      return window;
    },
    get isDone() {
      return isDone;
    },
    get reachedMicros() {
      return inner;
    },
  };
}

/** As wide as can be read in the time aimed at, if the next is like the one before. */
function wider(
  width: bigint,
  { tookMs, leftMs }: { readonly tookMs: number; readonly leftMs: number },
): bigint {
  const growth = Math.min(MOST_GROWTH, Math.max(0, (leftMs * AIM) / Math.max(tookMs, 0.1)));
  const wanted = (width * BigInt(Math.round(growth * 1000))) / 1000n;
  return wanted < LEAST_MICROS ? LEAST_MICROS : wanted;
}
