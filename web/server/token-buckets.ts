/** Token buckets: a steady rate with a burst, per key, bounded in memory. */

export interface BucketRate {
  readonly perSecond: number;
  /** Most that is saved up: what may come at once after a pause. */
  readonly burst: number;
}

export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** What a bucket holds now: full at first, and refilled with time. Pure. */
export function refilled(rate: BucketRate, bucket: Bucket | undefined, nowMs: number): Bucket {
  if (bucket === undefined) return { tokens: rate.burst, atMs: nowMs };
  // A clock that was set back refills nothing.
  const seconds = Math.max(0, nowMs - bucket.atMs) / 1000;
  return { tokens: Math.min(rate.burst, bucket.tokens + seconds * rate.perSecond), atMs: nowMs };
}

/** Seconds until there is a whole token; 0 where there is one. Pure. */
export const waitSeconds = (rate: BucketRate, { tokens }: Bucket): number =>
  tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - tokens) / rate.perSecond));

export interface TokenBuckets {
  /** Seconds to wait; 0 where a token can be taken. */
  wait(key: string): number;
  /** To be called after `wait` said 0. */
  take(key: string): void;
}

/** @param maxKeys beyond it the key that took a token the longest time ago is forgotten: its bucket is the fullest. */
export function createTokenBuckets(rate: BucketRate, maxKeys: number, nowMs: () => number): TokenBuckets {
  const buckets = new Map<string, Bucket>();
  return {
    wait: (key) => waitSeconds(rate, refilled(rate, buckets.get(key), nowMs())),
    take(key) {
      const { tokens, atMs } = refilled(rate, buckets.get(key), nowMs());
      buckets.delete(key);
      const oldest = buckets.keys().next();
      if (buckets.size >= maxKeys && !oldest.done) buckets.delete(oldest.value);
      buckets.set(key, { tokens: tokens - 1, atMs });
    },
  };
}
