/**
 * When something was recorded, said so that a wall clock which is set later does no harm: times are moved to the new
 * clock, and nothing grows old by it. Pure.
 */
import type { ClockReading } from '../clock.ts';

/** Below this a difference is the resolution of the clocks and no step. */
export const STEP_MIN_MS = 1000;
/** Switched off for longer than this counts as this long: after a boot the wall clock may be anything. */
export const MAX_OFF_MS = 86_400_000;

/** Clock of a record or batch: the boot, and wall clock minus time since boot. */
export interface ClockMark {
  readonly osBoot: string;
  readonly offsetMs: number;
}

export const markOf = ({ wallMs, monoMs, osBoot }: ClockReading): ClockMark => ({
  osBoot,
  offsetMs: wallMs - monoMs,
});

/** What is to be added to times under `mark` for the clock of `now`; 0 across boots, where nobody can tell. */
export function stepSince(mark: ClockMark, now: ClockReading): number {
  const step = markOf(now).offsetMs - mark.offsetMs;
  return mark.osBoot === now.osBoot && Math.abs(step) >= STEP_MIN_MS ? step : 0;
}

/**
 * Moves the record's time. What is older than the boot was not read off this clock, e.g. a line of an old log file, and
 * stays as it is.
 */
export function moveRecord<R extends { readonly timestamp: string }>(
  record: R,
  mark: ClockMark,
  stepMs: number,
): R {
  const atMs = Date.parse(record.timestamp);
  const moved = new Date(atMs + stepMs);
  if (stepMs === 0 || Number.isNaN(moved.getTime()) || atMs < mark.offsetMs) return record;
  return { ...record, timestamp: moved.toISOString() };
}

/**
 * The time to say that a batch is sent at, by the clock of its records: then the receiver, who knows the right time,
 * corrects both alike even when our clock was set after the batch got its number.
 */
export const sentAtMs = (mark: ClockMark, now: ClockReading): number => now.wallMs - stepSince(mark, now);

export interface LivedMark extends ClockReading {
  /** Time that the outbox has lived through; starts at the wall clock's value and only rises. */
  readonly livedMs: number;
}

export function livedMs(before: LivedMark | null, now: ClockReading): number {
  if (before === null) return now.wallMs;
  if (before.osBoot === now.osBoot) return before.livedMs + Math.max(0, now.monoMs - before.monoMs);
  return before.livedMs + Math.min(Math.max(0, now.wallMs - before.wallMs), MAX_OFF_MS);
}
