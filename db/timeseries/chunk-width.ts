/** How much time a chunk or partition should hold, by the rate of its rows. Pure. */
import type { Width } from './spans.ts';

/**
 * Rows that a chunk should hold: few enough that its newest index pages stay in memory and that dropping it is a
 * matter of milliseconds, enough that months are a few dozen chunks, which planning a query pays for.
 */
export const ROWS_PER_CHUNK = 15_000_000;
/** From an hour to thirty days; each divides the next or is whole days. */
const STEPS_HOURS = [1, 2, 4, 8, 12, 24, 72, 168, 720] as const;
const HOURS_PER_DAY = 24;
const HOUR_MS = 3_600_000;

export interface MeasuredChunk {
  readonly from: Date;
  readonly to: Date;
  readonly rows: number;
}

/** Rows a day in the busiest of the chunks of late; null where none has seen an hour of it yet. */
export function rowsPerDay(chunks: readonly MeasuredChunk[], now: Date): number | null {
  const rates = chunks.flatMap(({ from, to, rows }) => {
    const seenMs = Math.min(+to, +now) - +from;
    return seenMs < HOUR_MS || rows <= 0 ? [] : [(rows / seenMs) * HOUR_MS * HOURS_PER_DAY];
  });
  return rates.length === 0 ? null : Math.max(...rates);
}

/** The longest step that stays within `ROWS_PER_CHUNK`; an hour at least. */
export function chunkHours(rate: number): number {
  const hours = (ROWS_PER_CHUNK / rate) * HOURS_PER_DAY;
  return STEPS_HOURS.findLast((step) => step <= hours) ?? STEPS_HOURS[0];
}

/** Native partitions are days at least: hundreds of them would slow down every plan. */
export function partitionWidth(rate: number): Width {
  const hours = chunkHours(rate);
  if (hours >= 720) return 'month';
  return hours >= 168 ? 'week' : 'day';
}
