/** Counts attempts per key in windows; bounded in memory whatever callers send. */

export interface AttemptLimiter {
  /** Seconds until the key may try again; 0 when it may try now. */
  waitSeconds(key: string): number;
  add(key: string): void;
  /** Takes one `add` back, for an attempt that turned out well. */
  giveBack(key: string): void;
  /** Forgets the key with all its windows. */
  forget(key: string): void;
}

export interface AttemptLimit {
  readonly attempts: number;
  readonly windowMs: number;
  /** Most keys remembered; beyond it the oldest is forgotten. */
  readonly maxKeys: number;
  /** Each window that was used up makes the next one twice as long, up to this; without it all last equally long. */
  readonly maxWindowMs?: number;
}

interface Window {
  readonly count: number;
  readonly lengthMs: number;
  readonly endsAtMs: number;
}

/** Adds one attempt to what is known of a key. A key that stays away for as long as its window lasted begins anew. Pure. */
function counted(limit: AttemptLimit, window: Window | undefined, nowMs: number): Window {
  if (window !== undefined && window.endsAtMs > nowMs) return { ...window, count: window.count + 1 };
  const hasGrown =
    limit.maxWindowMs !== undefined &&
    window !== undefined &&
    window.count >= limit.attempts &&
    nowMs < window.endsAtMs + window.lengthMs;
  const lengthMs = hasGrown
    ? Math.min(window.lengthMs * 2, limit.maxWindowMs ?? limit.windowMs)
    : limit.windowMs;
  return { count: 1, lengthMs, endsAtMs: nowMs + lengthMs };
}

export function createAttemptLimiter(limit: AttemptLimit, now: () => Date): AttemptLimiter {
  const windows = new Map<string, Window>();

  return {
    waitSeconds(key) {
      const window = windows.get(key);
      const leftMs = (window?.endsAtMs ?? 0) - now().getTime();
      if (window === undefined || leftMs <= 0 || window.count < limit.attempts) return 0;
      return Math.max(1, Math.ceil(leftMs / 1000));
    },
    add(key) {
      const window = windows.get(key);
      const next = counted(limit, window, now().getTime());
      // A new window goes to the end: what is at the front is the oldest.
      if (window === undefined || next.count === 1) windows.delete(key);
      const oldest = windows.keys().next();
      if (!windows.has(key) && windows.size >= limit.maxKeys && !oldest.done) windows.delete(oldest.value);
      windows.set(key, next);
    },
    giveBack(key) {
      const window = windows.get(key);
      if (window !== undefined) windows.set(key, { ...window, count: Math.max(0, window.count - 1) });
    },
    forget: (key) => void windows.delete(key),
  };
}
