/** Rates by token bucket, with debt: the caller takes at once and waits as long as the debt lasts, so order is kept. Pure. */

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface TokenBucket {
  /** Takes `cost` and returns how many milliseconds to wait until it is paid for; 0 = go on. */
  reserve(cost: number, nowMs: number): number;
  /** Takes `cost` only when it is there. */
  tryTake(cost: number, nowMs: number): boolean;
  /** Nothing was taken that has not come back: the bucket may be forgotten. */
  isFull(nowMs: number): boolean;
}

export function createTokenBucket({ perSecond, burst }: Rate, startMs: number): TokenBucket {
  let tokens = burst;
  let filledAtMs = startMs;
  const fill = (nowMs: number): void => {
    // A clock that steps back gives nothing and takes nothing.
    const elapsedMs = Math.max(0, nowMs - filledAtMs);
    tokens = Math.min(burst, tokens + (elapsedMs * perSecond) / 1000);
    filledAtMs = Math.max(filledAtMs, nowMs);
  };
  return {
    reserve(cost, nowMs) {
      fill(nowMs);
      tokens -= cost;
      return tokens >= 0 ? 0 : (-tokens * 1000) / perSecond;
    },
    tryTake(cost, nowMs) {
      fill(nowMs);
      if (tokens < cost) return false;
      tokens -= cost;
      return true;
    },
    isFull(nowMs) {
      fill(nowMs);
      return tokens >= burst;
    },
  };
}

/** One bucket per key, made when first used; `sweep` forgets those that are full again. */
export interface TokenBuckets {
  get(key: string, nowMs: number): TokenBucket;
  sweep(nowMs: number): void;
  readonly size: number;
}

export function createTokenBuckets(rate: Rate): TokenBuckets {
  const buckets = new Map<string, TokenBucket>();
  return {
    get(key, nowMs) {
      let bucket = buckets.get(key);
      if (bucket === undefined) {
        bucket = createTokenBucket(rate, nowMs);
        buckets.set(key, bucket);
      }
      return bucket;
    },
    sweep(nowMs) {
      for (const [key, bucket] of buckets) if (bucket.isFull(nowMs)) buckets.delete(key);
    },
    get size() {
      return buckets.size;
    },
  };
}
