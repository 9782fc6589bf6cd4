/** Tells one process from a later one that was given the same number. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A text that differs for every process of this machine, reboots included; null when no such process runs
 * (a zombie does not run).
 */
export function processIdentity(pid: number): string | null {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

function fromProc(pid: number): string | null {
  try {
    const identity = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    if (identity === null) return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${identity}`;
  } catch (error) {
    // The process may end between two reads; anything but "gone" is worth knowing.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) {
      return null;
    }
    throw error;
  }
}

/** Pure: start time in ticks out of /proc/…/stat (proc(5), field 22), null for a dead process. */
export function parseStat(stat: string): string | null {
  // The second field is the program's name in brackets and may hold blanks and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  return state === 'Z' || state === 'X' ? null : (fields[19] ?? null);
}

function fromPs(pid: number): string | null {
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return text === '' ? null : text;
  } catch (error) {
    // ps exits with 1 for an unknown process.
    if (error instanceof Error && 'status' in error && error.status === 1) return null;
    throw error;
  }
}
