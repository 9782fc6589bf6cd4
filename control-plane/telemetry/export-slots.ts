/** Exports that run at the same time, bounded: each reads page after page for as long as its client wants. */
import { AppError } from '../errors.ts';

/** Of one process; each holds one page of rows in memory and a database connection while it reads. */
export const MAX_EXPORTS = 8;
const RETRY_AFTER_SECONDS = 30;

export type ExportSlots = <T>(rows: () => AsyncIterable<T>) => AsyncIterable<T>;

/** The place is taken with the first row and given back at the end, however it comes. @throws 'rate.limited' at the first row */
export function createExportSlots(limit: number = MAX_EXPORTS): ExportSlots {
  let running = 0;
  return async function* bounded(rows) {
    if (running >= limit) throw new AppError('rate.limited', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    running += 1;
    try {
      yield* rows();
    } finally {
      running -= 1;
    }
  };
}
