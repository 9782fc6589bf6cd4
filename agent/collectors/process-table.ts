/** Reads processes of this machine: one by its number, or those that run a program. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  cgroupCounters,
  type ProcessCounters,
  type ProcessStat,
  parseCgroupPath,
  parseProcessStat,
  parseResidentBytes,
} from './process-stat.ts';

/** Processes of one name that are added up. */
export const MAX_SAME_NAME = 64;
/** Processes that are looked through for a name. */
const MAX_LISTED = 10_000;
const CGROUP_ROOT = '/sys/fs/cgroup';

export interface FoundProcess extends ProcessStat {
  readonly pid: number;
}

/** Null when it is gone, or dead and not yet reaped. */
export async function findProcess(pid: number, proc = '/proc'): Promise<FoundProcess | null> {
  const text = await readFile(join(proc, String(pid), 'stat'), 'utf8').catch(() => null);
  const stat = text === null ? null : parseProcessStat(text);
  return stat === null || stat.isZombie ? null : { pid, ...stat };
}

/** Processes by the base name of their program or script, oldest first. */
export async function findByCommand(command: string, proc = '/proc'): Promise<FoundProcess[]> {
  const pids = (await readdir(proc)).filter((name) => /^\d{1,10}$/.test(name)).slice(0, MAX_LISTED);
  const found: FoundProcess[] = [];
  for (const pid of pids) {
    if (found.length === MAX_SAME_NAME) break;
    const line = await readFile(join(proc, pid, 'cmdline'), 'utf8').catch(() => '');
    if (!runsCommand(line, command)) continue;
    const process = await findProcess(Number(pid), proc);
    if (process !== null) found.push(process);
  }
  return found.sort((a, b) => a.startedAtTicks - b.startedAtTicks || a.pid - b.pid);
}

/** The program itself, or what an interpreter runs: `python3 /opt/gateway.py` is both python3 and gateway.py. Pure. */
export function runsCommand(cmdline: string, command: string): boolean {
  const [program = '', script = ''] = cmdline.split('\0', 2);
  return basename(program) === command || (!script.startsWith('-') && basename(script) === command);
}

/** A pid file of anything but a number, or none: null. */
export async function readPidFile(file: string): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const digits = /^\s{0,10}(\d{1,10})\s{0,10}$/.exec(text.slice(0, 40))?.[1];
  return digits === undefined ? null : Number(digits);
}

export async function processCounters(process: FoundProcess, proc = '/proc'): Promise<ProcessCounters> {
  const status = await readFile(join(proc, String(process.pid), 'status'), 'utf8').catch(() => '');
  return { cpuSeconds: process.cpuSeconds, memoryBytes: parseResidentBytes(status) };
}

/** Of the whole service that a main process belongs to: its cgroup where there is one, else the process alone. */
export async function serviceCounters(pid: number): Promise<ProcessCounters | null> {
  const path = parseCgroupPath(await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => ''));
  if (path !== null) {
    const [cpu, current, memory] = await Promise.all(
      ['cpu.stat', 'memory.current', 'memory.stat'].map((file) =>
        readFile(join(CGROUP_ROOT, path, file), 'utf8').catch(() => ''),
      ),
    );
    const counters = cgroupCounters(cpu ?? '', current ?? '', memory ?? '');
    if (counters !== null) return counters;
  }
  const process = await findProcess(pid);
  return process === null ? null : processCounters(process);
}
