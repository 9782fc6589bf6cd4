/** What the operating system tells about other processes. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, but belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  return !isZombie(pid);
}

/** Clock ticks since boot, as /proc has it; empty where there is no /proc (macOS) or no such process. */
export const startTimeOf = (pid: number): string => statFields(pid)[19] ?? '';

/** The command line, arguments separated by blanks; empty when there is no such process. */
export function commandOf(pid: number): string {
  const procfs = readProc(pid, 'cmdline');
  if (procfs !== null) return procfs.replaceAll('\0', ' ').trim();
  return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout?.trim() ?? '';
}

const isZombie = (pid: number): boolean => statFields(pid)[0] === 'Z';

/** Fields of /proc/PID/stat after the name, which may itself hold blanks and brackets. */
function statFields(pid: number): string[] {
  const text = readProc(pid, 'stat');
  return text === null ? [] : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function readProc(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return null;
    throw error;
  }
}
