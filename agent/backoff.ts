/** How long to wait before the next connect: full jitter, so that a fleet does not come back in step. Pure. */

export interface BackoffLimits {
  /** Longest first wait; doubles with each failure. */
  readonly firstMs: number;
  readonly capMs: number;
  /** Longest ceiling while nothing answers at all: such attempts cost the server nothing, and the way may be back. */
  readonly unreachedCapMs: number;
}

/** 1 s → 5 min; 1 min where the server was not reached, so that a device is back within 2.5 beats of its network. */
export const RECONNECT_BACKOFF: BackoffLimits = { firstMs: 1000, capMs: 300_000, unreachedCapMs: 60_000 };
/** A refused identity is not mended by haste: such a failure counts as this many. */
export const REFUSED_COUNTS_AS = 5;

/**
 * Wait in milliseconds after `failures` failures in a row (1 = the first retry, quick).
 * The server's retry-after is a lower bound; a little jitter is added to it. `wasReached`: the last attempt was answered.
 */
export function backoffMs(
  failures: number,
  random: () => number,
  { firstMs, capMs, unreachedCapMs }: BackoffLimits = RECONNECT_BACKOFF,
  retryAfterMs = 0,
  wasReached = true,
): number {
  const ceiling = Math.min(
    wasReached ? capMs : unreachedCapMs,
    firstMs * 2 ** Math.min(Math.max(failures - 1, 0), 30),
  );
  const jittered = random() * ceiling;
  return Math.round(retryAfterMs > 0 ? retryAfterMs + Math.min(jittered, retryAfterMs) : jittered);
}
