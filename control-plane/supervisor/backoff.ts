/** When a child that ended is started again. Pure. */

export const FIRST_DELAY_MS = 100;
export const MAX_DELAY_MS = 5_000;
/** A child that ran this long was well: the next end starts from the first delay again. */
export const STABLE_AFTER_MS = 10_000;

/** Ends in a row, the one just seen included (0 = none yet). */
export function countEnds(endsBefore: number, uptimeMs: number): number {
  return uptimeMs >= STABLE_AFTER_MS ? 1 : endsBefore + 1;
}

/** Doubles from 100 ms to 5 s. */
export function restartDelayMs(endsInARow: number): number {
  return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(Math.max(endsInARow - 1, 0), 16));
}
