/** Waits for a condition that another process brings about. */
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

/** @throws Error naming `what` when `check` gives no true value within `withinMs`. */
export async function eventually<T>(
  what: string,
  check: () => T | Promise<T>,
  withinMs = 20_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(POLL_MS);
  }
}
