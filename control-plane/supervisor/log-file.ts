/** One log file per role, 0600, kept small by rotation. */
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** role.log, role.log.1 … role.log.3 */
export const KEPT_LOGS = 3;

export interface LogFile {
  /** Appends a line. @throws what the file system says, e.g. ENOSPC. */
  write(line: string): void;
  close(): void;
}

/** Goes on with an existing file; a full one is rotated first. Written synchronously, so a crash loses nothing. */
export function openLogFile(folder: string, role: string, maxBytes = MAX_LOG_BYTES): LogFile {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${role}.log`);
  let descriptor = openSync(file, 'a', 0o600);
  let bytes = fstatSync(descriptor).size;
  const rotateIfFull = (): void => {
    if (bytes < maxBytes) return;
    closeSync(descriptor);
    rotate(file);
    descriptor = openSync(file, 'a', 0o600);
    bytes = 0;
  };
  rotateIfFull();
  return {
    write: (line) => {
      rotateIfFull();
      bytes += writeSync(descriptor, `${line}\n`);
    },
    close: () => closeSync(descriptor),
  };
}

function rotate(file: string): void {
  for (let index = KEPT_LOGS - 1; index >= 0; index -= 1) {
    const from = index === 0 ? file : `${file}.${index}`;
    if (existsSync(from)) renameSync(from, `${file}.${index + 1}`);
  }
}
