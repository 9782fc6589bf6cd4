/** Runs another program of the machine, bounded in time and output, and remembers for a while that it is not there. */
import { execFile } from 'node:child_process';

/** A hung driver must not hold up the heartbeat. */
export const PROGRAM_TIMEOUT_MS = 2000;
const MAX_OUTPUT_BYTES = 1024 * 1024;

/** Standard output. @throws Error when the program is missing, fails or takes too long. */
export type RunProgram = (file: string, args: readonly string[]) => Promise<string>;

export const runProgram: RunProgram = (file, args) =>
  new Promise((resolve, reject) => {
    execFile(
      file,
      [...args],
      {
        timeout: PROGRAM_TIMEOUT_MS,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT_BYTES,
        env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' },
      },
      (error, stdout) => (error === null ? resolve(stdout) : reject(error)),
    );
  });

/** Null after a failure, and then at once, unasked, until `absentForMs` have passed. */
export function probe<T>(
  ask: () => Promise<T>,
  { absentForMs, nowMs }: { absentForMs: number; nowMs: () => number },
): () => Promise<T | null> {
  let absentUntil = Number.NEGATIVE_INFINITY;
  return async () => {
    if (nowMs() < absentUntil) return null;
    try {
      return await ask();
    } catch {
      // Not an error of ours: most machines have no such program. Asked again later.
      absentUntil = nowMs() + absentForMs;
      return null;
    }
  };
}
