/** Says whether reading may go on while what was read fills the outbox. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PAUSE_ABOVE, RESUME_BELOW, TICK_MS } from './limits.ts';

export interface Gate {
  readonly isOpen: boolean;
  /** Looks at the pressure, 0 … 1. */
  look(): void;
  /** Resolves when reading may go on, or `signal` says that it ends. */
  opened(signal: AbortSignal): Promise<void>;
}

export function createGate(pressure: () => number): Gate {
  let isOpen = true;
  return {
    get isOpen() {
      return isOpen;
    },
    look() {
      const now = pressure();
      isOpen = isOpen ? !(now > PAUSE_ABOVE) : now < RESUME_BELOW;
    },
    async opened(signal) {
      while (!isOpen && !signal.aborted) {
        await sleep(TICK_MS, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}
