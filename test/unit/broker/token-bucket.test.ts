/** Rates: sustained and burst as set, order kept by debt, and no state kept of those who rest. */
import { describe, expect, it } from 'vitest';
import { createTokenBucket, createTokenBuckets } from '../../../broker/token-bucket.ts';

const RATE = { perSecond: 50, burst: 200 };

describe('createTokenBucket', () => {
  it('lets the burst through at once and the rest at the sustained rate', () => {
    const bucket = createTokenBucket(RATE, 0);
    const waits = Array.from({ length: 250 }, () => bucket.reserve(1, 0));
    expect(waits.slice(0, 200).every((wait) => wait === 0)).toBe(true);
    expect(waits[200]).toBe(20);
    expect(waits[249]).toBe(1000);
  });

  it('fills up to the burst and no further', () => {
    const bucket = createTokenBucket(RATE, 0);
    for (let taken = 0; taken < 200; taken += 1) bucket.reserve(1, 0);
    expect(bucket.isFull(3999)).toBe(false);
    expect(bucket.isFull(4000)).toBe(true);
    const later = Array.from({ length: 201 }, () => bucket.reserve(1, 1_000_000));
    expect(later.filter((wait) => wait > 0)).toHaveLength(1);
  });

  it('never gives more than burst plus rate over any hour', () => {
    const bucket = createTokenBucket(RATE, 0);
    let passed = 0;
    for (let nowMs = 0; nowMs <= 3_600_000; nowMs += 7) if (bucket.tryTake(1, nowMs)) passed += 1;
    expect(passed).toBeLessThanOrEqual(200 + 50 * 3600);
    expect(passed).toBeGreaterThan(50 * 3600);
  });

  it('takes nothing when it cannot pay', () => {
    const bucket = createTokenBucket({ perSecond: 1, burst: 1 }, 0);
    expect([
      bucket.tryTake(1, 0),
      bucket.tryTake(1, 0),
      bucket.tryTake(1, 999),
      bucket.tryTake(1, 1000),
    ]).toEqual([true, false, false, true]);
  });

  it('neither gives nor takes when the clock steps back', () => {
    const bucket = createTokenBucket({ perSecond: 1, burst: 2 }, 10_000);
    expect(bucket.tryTake(2, 10_000)).toBe(true);
    expect(bucket.tryTake(1, 0)).toBe(false);
    expect(bucket.tryTake(1, 10_999)).toBe(false);
    expect(bucket.tryTake(1, 11_000)).toBe(true);
  });
});

describe('createTokenBuckets', () => {
  it('keeps one bucket per key and forgets the full ones', () => {
    const buckets = createTokenBuckets(RATE);
    for (let key = 0; key < 1000; key += 1) buckets.get(String(key), 0).reserve(1, 0);
    buckets.get('busy', 0).reserve(100, 0);
    buckets.sweep(100);
    expect(buckets.size).toBe(1);
    expect(buckets.get('busy', 100).isFull(100)).toBe(false);
  });
});
