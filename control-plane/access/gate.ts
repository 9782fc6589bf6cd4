/** Lets a few pieces of heavy work run at a time and a bounded number wait. */
import { AppError } from '../errors.ts';

export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/** @throws AppError 'service.unavailable' where `maxWaiting` wait already. */
export function createGate(maxRunning: number, maxWaiting: number): Gate {
  const waiting: (() => void)[] = [];
  let running = 0;

  return async (work) => {
    if (running >= maxRunning) {
      if (waiting.length >= maxWaiting) throw new AppError('service.unavailable');
      // Whoever ends hands its place over, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
