/** Two clocks beside each other: the wall clock, which may be set, and the time since the system booted, which only rises. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

export interface ClockReading {
  readonly wallMs: number;
  /** Since the system booted, sleep included. */
  readonly monoMs: number;
  /** Names this boot of the system; `monoMs` of another boot says nothing. */
  readonly osBoot: string;
}

export type Clock = () => ClockReading;

/** A step of the wall clock as large as this is reported; smaller ones are mended without a word. */
export const JUMP_REPORT_MS = 120_000;

/** The machine's clocks. Where the system names no boot, every start of the agent counts as one. */
export function machineClock(now: () => Date): Clock {
  const osBoot = readOsBoot();
  return () => ({ wallMs: now().getTime(), monoMs: Math.round(uptime() * 1000), osBoot });
}

/** Milliseconds by which the wall clock was set between the two readings; 0 across boots. Pure. */
export function clockStep(before: ClockReading, after: ClockReading): number {
  if (before.osBoot !== after.osBoot) return 0;
  return after.wallMs - after.monoMs - (before.wallMs - before.monoMs);
}

function readOsBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Not Linux, or hidden from us.
    return randomUUID();
  }
}
