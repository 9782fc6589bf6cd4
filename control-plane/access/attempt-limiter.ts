/** Counts attempts per key in windows of fixed length; bounded in memory whatever callers send. */

export interface AttemptLimiter {
  /** Seconds until the key may try again; 0 when it may try now. */
  waitSeconds(key: string): number;
  add(key: string): void;
  /** Takes one `add` back, for an attempt that turned out well. */
  giveBack(key: string): void;
}

export interface AttemptLimit {
  readonly attempts: number;
  readonly windowMs: number;
  /** Most keys remembered; beyond it the oldest window is forgotten. */
  readonly maxKeys: number;
}

interface Window {
  count: number;
  readonly endsAtMs: number;
}

/** Windows begin with the first attempt, all last equally long: insertion order is the order in which they end. */
export function createAttemptLimiter(limit: AttemptLimit, now: () => Date): AttemptLimiter {
  const windows = new Map<string, Window>();

  function open(key: string): Window | undefined {
    const window = windows.get(key);
    if (window === undefined || window.endsAtMs > now().getTime()) return window;
    windows.delete(key);
    return undefined;
  }

  return {
    waitSeconds(key) {
      const window = open(key);
      if (window === undefined || window.count < limit.attempts) return 0;
      return Math.max(1, Math.ceil((window.endsAtMs - now().getTime()) / 1000));
    },
    add(key) {
      const window = open(key);
      if (window !== undefined) {
        window.count += 1;
        return;
      }
      const oldest = windows.keys().next();
      if (windows.size >= limit.maxKeys && !oldest.done) windows.delete(oldest.value);
      windows.set(key, { count: 1, endsAtMs: now().getTime() + limit.windowMs });
    },
    giveBack(key) {
      const window = open(key);
      if (window !== undefined) window.count = Math.max(0, window.count - 1);
    },
  };
}
