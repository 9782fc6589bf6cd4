/** A beat that neither drifts nor overlaps: the next one starts at a multiple of the interval after the first. */

/**
 * Number of the next beat, `passedMs` after beat 0; beats that passed while the last one ran are left out. A timer may
 * fire a little early, so it is never the last one again. Pure.
 */
export const nextBeat = (last: number, passedMs: number, intervalMs: number): number =>
  Math.max(last + 1, Math.floor(passedMs / intervalMs) + 1);

export interface Ticker {
  /** Resolves when the beat that runs has ended. Idempotent. */
  stop(): Promise<void>;
}

export interface TickerOptions {
  readonly intervalMs: number;
  /** Must not throw. */
  readonly beat: () => Promise<void>;
  /** Wait before the first beat; default one interval. */
  readonly firstMs?: number;
  readonly monotonicMs?: () => number;
}

export function startTicker(options: TickerOptions): Ticker {
  const { intervalMs, beat, firstMs = intervalMs, monotonicMs = () => performance.now() } = options;
  const startMs = monotonicMs() + firstMs;
  let isStopped = false;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const arm = (number: number): void => {
    const waitMs = startMs + number * intervalMs - monotonicMs();
    timer = setTimeout(
      () => {
        running = beat().then(() => {
          if (!isStopped) arm(nextBeat(number, monotonicMs() - startMs, intervalMs));
        });
      },
      Math.max(0, waitMs),
    );
  };
  arm(0);
  return {
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
