import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  BatcherFullError,
  BatcherStoppedError,
  createBatcher,
} from '../../../../control-plane/ingest/batcher.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A batcher of numbers that weigh themselves and come back doubled; each batch waits for `release`. */
function setUp(
  overrides: Partial<{
    maxItems: number;
    maxWeight: number;
    capacityWeight: number;
    lingerWeight: number;
  }> = {},
) {
  const batches: number[][] = [];
  const releases: ((error?: Error) => void)[] = [];
  const batcher = createBatcher<number, number>({
    maxItems: 3,
    maxWeight: 100,
    maxAgeMs: 20,
    capacityWeight: 1000,
    weigh: (item) => item,
    ...overrides,
    run(items) {
      batches.push([...items]);
      return new Promise((resolve, reject) => {
        releases.push((error) =>
          error === undefined ? resolve(items.map((item) => item * 2)) : reject(error),
        );
      });
    },
  });
  const release = async (error?: Error): Promise<void> => {
    releases.shift()?.(error);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { batcher, batches, release };
}

describe('createBatcher', () => {
  it('waits for company no longer than the age', async () => {
    const { batcher, batches, release } = setUp();
    const result = batcher.submit(1);
    await vi.advanceTimersByTimeAsync(19);
    expect(batches).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(batches).toEqual([[1]]);
    await release();
    await expect(result).resolves.toBe(2);
  });

  it('runs at once when full, one batch at a time and in order', async () => {
    const { batcher, batches, release } = setUp();
    const results = Promise.all([1, 2, 3, 4, 5].map((item) => batcher.submit(item)));
    expect(batches).toEqual([[1, 2, 3]]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(batches).toHaveLength(1);
    await release();
    expect(batches[1]).toEqual([4, 5]);
    await release();
    await expect(results).resolves.toEqual([2, 4, 6, 8, 10]);
  });

  it('closes a batch before its weight passes the limit, but takes one that is heavier alone', async () => {
    const { batcher, batches, release } = setUp();
    const all = Promise.all([60, 50, 400].map((item) => batcher.submit(item)));
    await vi.advanceTimersByTimeAsync(20);
    await release();
    await release();
    await release();
    expect(batches).toEqual([[60], [50], [400]]);
    await all;
  });

  it('refuses what passes the capacity and takes again once there is room', async () => {
    const { batcher, release } = setUp({ capacityWeight: 10 });
    const first = batcher.submit(8);
    await expect(batcher.submit(3)).rejects.toBeInstanceOf(BatcherFullError);
    await vi.advanceTimersByTimeAsync(20);
    await release();
    await first;
    const second = batcher.submit(3);
    await vi.advanceTimersByTimeAsync(20);
    await release();
    await expect(second).resolves.toBe(6);
  });

  it('tells who waits for room when it is there', async () => {
    const { batcher, release } = setUp();
    const all = Promise.all([batcher.submit(50), batcher.submit(70)]);
    let isRoom = false;
    void batcher.whenAtMost(70).then(() => {
      isRoom = true;
    });
    await vi.advanceTimersByTimeAsync(20);
    expect(isRoom).toBe(false);
    await release();
    expect(isRoom).toBe(true);
    await release();
    await all;
    expect(batcher.weight).toBe(0);
  });

  it('rejects the items of a failed batch and goes on with the next', async () => {
    const { batcher, release } = setUp({ maxItems: 1 });
    const first = batcher.submit(1);
    const failure = expect(first).rejects.toThrow('no');
    const second = batcher.submit(2);
    await release(new Error('no'));
    await failure;
    await release();
    await expect(second).resolves.toBe(4);
  });

  it('runs what waits when stopped, then refuses', async () => {
    const { batcher, batches, release } = setUp();
    const last = batcher.submit(1);
    const stopped = batcher.stop();
    expect(batches).toEqual([[1]]);
    await release();
    await stopped;
    await expect(last).resolves.toBe(2);
    await expect(batcher.submit(2)).rejects.toBeInstanceOf(BatcherStoppedError);
  });
});

describe('a batcher that lingers', () => {
  it('lets what gathered while a batch ran wait for company as well', async () => {
    const { batcher, batches, release } = setUp({ lingerWeight: 1000 });
    const first = batcher.submit(1);
    await vi.advanceTimersByTimeAsync(20);
    const second = batcher.submit(2);
    await release();
    expect(batches).toEqual([[1]]);
    await vi.advanceTimersByTimeAsync(19);
    expect(batches).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(batches[1]).toEqual([2]);
    await release();
    await Promise.all([first, second]);
  });
});
