/** A rate with a burst. Pure: the caller gives the time. */

export interface TokenBucket {
  /** Takes `count` if they are there. More than a burst at once needs a full bucket. */
  take(count: number, nowMs: number): boolean;
  /** Milliseconds until `count` can be taken; 0 for now. */
  waitMs(count: number, nowMs: number): number;
}

export function createTokenBucket(perSecond: number, burst: number): TokenBucket {
  let tokens = burst;
  let filledAtMs = Number.NEGATIVE_INFINITY;
  const fill = (nowMs: number): void => {
    if (nowMs > filledAtMs && Number.isFinite(filledAtMs)) {
      tokens = Math.min(burst, tokens + ((nowMs - filledAtMs) / 1000) * perSecond);
    }
    filledAtMs = Math.max(nowMs, filledAtMs);
  };
  return {
    take(count, nowMs) {
      fill(nowMs);
      if (tokens < Math.min(count, burst)) return false;
      tokens = Math.max(0, tokens - count);
      return true;
    },
    waitMs(count, nowMs) {
      fill(nowMs);
      return Math.max(0, Math.ceil(((Math.min(count, burst) - tokens) / perSecond) * 1000));
    },
  };
}
