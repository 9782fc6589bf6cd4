/** Earlier counters, kept for each viewer apart, so that a quick look does not shorten another one's means. Pure. */

/** Who looks at the machine, each in its own rhythm. */
export const VIEWS = ['heartbeat', 'metrics', 'live'] as const;
export type View = (typeof VIEWS)[number];

/** A live view comes and goes: what it saw longer ago than this says nothing about now. */
export const LIVE_BASELINE_MAX_MS = 60_000;
/** A difference over less than this is mostly noise: the kernel counts CPU time in ticks of 10 ms. */
export const BASELINE_MIN_MS = 500;

export interface Baseline<T> {
  readonly value: T;
  /** Monotonic milliseconds. */
  readonly atMs: number;
}

export interface Baselines<T> {
  /** What this view saw last; for a first look what another view saw last; null when there is nothing fit. */
  of(view: View, nowMs: number): Baseline<T> | null;
  keep(view: View, value: T, nowMs: number): void;
}

export function createBaselines<T>(): Baselines<T> {
  const seen = new Map<View, Baseline<T>>();
  return {
    of(view, nowMs) {
      const own = seen.get(view);
      if (own !== undefined && (view !== 'live' || nowMs - own.atMs <= LIVE_BASELINE_MAX_MS)) return own;
      const others = [...seen.values()].filter(({ atMs }) => nowMs - atMs >= BASELINE_MIN_MS);
      return others.sort((a, b) => b.atMs - a.atMs)[0] ?? null;
    },
    keep(view, value, nowMs) {
      seen.set(view, { value, atMs: nowMs });
    },
  };
}
