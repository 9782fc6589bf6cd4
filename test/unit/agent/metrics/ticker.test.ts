/** The rhythm of sampling: no drift, no overlap. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { nextBeat, startTicker } from '../../../../agent/metrics/ticker.ts';
import { keepOpen } from '../../../../agent/metrics/way-in.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('the next beat', () => {
  it.each([
    ['follows the last', 3, 3100, 4],
    ['is not the last again when a timer was early', 3, 2999.6, 4],
    ['leaves out those that passed', 3, 7400, 8],
  ])('%s', (_sentence, last, passedMs, expected) => {
    expect(nextBeat(last, passedMs, 1000)).toBe(expected);
  });
});

describe('a ticker', () => {
  it('stays on its grid although each beat takes a while, and never runs two at once', async () => {
    vi.useFakeTimers();
    const beganAt: number[] = [];
    let running = 0;
    let most = 0;
    const ticker = startTicker({
      intervalMs: 1000,
      firstMs: 500,
      monotonicMs: () => Date.now(),
      beat: async () => {
        beganAt.push(Date.now());
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, beganAt.length === 2 ? 2300 : 300));
        running -= 1;
      },
    });
    const startMs = Date.now();
    await vi.advanceTimersByTimeAsync(6000);
    expect(beganAt.map((ms) => ms - startMs)).toEqual([500, 1500, 4500, 5500]);
    expect(most).toBe(1);
    await ticker.stop();
    await vi.advanceTimersByTimeAsync(5000);
    expect(beganAt).toHaveLength(4);
  });
});

describe('a way in that cannot be opened', () => {
  it('is tried again, and its trouble told once', async () => {
    vi.useFakeTimers();
    const told: (string | null)[] = [];
    let failures = 3;
    let closed = 0;
    const way = keepOpen({
      open: () =>
        failures-- > 0
          ? Promise.reject(new Error('in use'))
          : Promise.resolve({
              close: () => {
                closed += 1;
                return Promise.resolve();
              },
            }),
      onTrouble: (reason) => told.push(reason),
      reopenMs: 1000,
    });
    await way.tried;
    expect(way.current()).toBeNull();
    await vi.advanceTimersByTimeAsync(3500);
    expect(way.current()).not.toBeNull();
    expect(told).toEqual(['in use', null]);
    await way.stop();
    expect(closed).toBe(1);
  });

  it('is not tried again after the end', async () => {
    vi.useFakeTimers();
    let tries = 0;
    const way = keepOpen({ open: () => Promise.reject(new Error(`${++tries}`)), onTrouble: () => undefined });
    await way.stop();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(tries).toBe(1);
  });
});
