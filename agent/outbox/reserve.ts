/**
 * Room kept on disk for the day it is full: given back, the write-ahead log can be merged, so that held batches still
 * get their numbers and acknowledged ones are forgotten. What is new waits until there is room again.
 */
import { randomFillSync } from 'node:crypto';
import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs';

/** The log is merged at 1 MiB; the largest single change is below half of that. */
export const RESERVE_BYTES = 2 * 1024 * 1024;

export interface Reserve {
  /** Gives the room back; false when it is given already. */
  release(): boolean;
  /** True when the room is kept (again). */
  secure(): boolean;
}

/** `file` null: nothing is kept, e.g. for a simulated fleet. */
export function openReserve(file: string | null): Reserve {
  if (file === null) return { release: () => false, secure: () => true };
  const remove = (): void => rmSync(file, { force: true });
  return {
    release() {
      const isThere = existsSync(file);
      remove();
      return isThere;
    },
    secure() {
      if (existsSync(file)) return true;
      try {
        fill(file);
        return true;
      } catch {
        remove();
        return false;
      }
    },
  };
}

function fill(file: string): void {
  const descriptor = openSync(file, 'w', 0o600);
  try {
    // Random, for some file systems keep no room for zeros.
    const piece = randomFillSync(Buffer.alloc(64 * 1024));
    for (let written = 0; written < RESERVE_BYTES; ) written += writeSync(descriptor, piece);
  } finally {
    closeSync(descriptor);
  }
}
