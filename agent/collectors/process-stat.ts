/** What /proc and the cgroup of a process say about its use of CPU and memory. Pure. Source: proc(5), cgroup-v2. */

export interface ProcessCounters {
  /** Time on all cores since the start, seconds. */
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

/** USER_HZ: 100 on every architecture that Linux runs Node on. */
const TICKS_PER_SECOND = 100;

export interface ProcessStat {
  readonly cpuSeconds: number;
  /** Ticks after boot; with the pid it names one process for ever. */
  readonly startedAtTicks: number;
  readonly isZombie: boolean;
}

/** Null when the text has another shape. The command may hold spaces and brackets, so the last bracket counts. */
export function parseProcessStat(text: string): ProcessStat | null {
  const fields = text
    .slice(text.lastIndexOf(')') + 1)
    .trim()
    .split(/\s+/);
  const [state, userTicks, systemTicks, startedAtTicks] = [
    fields[0],
    ...[11, 12, 19].map((at) => Number(fields[at])),
  ] as [string | undefined, number, number, number];
  if (![userTicks, systemTicks, startedAtTicks].every(Number.isSafeInteger)) return null;
  return {
    cpuSeconds: (userTicks + systemTicks) / TICKS_PER_SECOND,
    startedAtTicks,
    isZombie: state === 'Z' || state === 'X',
  };
}

/** VmRSS of /proc/PID/status; 0 for a kernel thread, which has none. */
export const parseResidentBytes = (text: string): number =>
  Number(/^VmRSS:\s{0,20}(\d{1,12}) kB/m.exec(text)?.[1] ?? 0) * 1024;

/** Path below the cgroup v2 mount; null for the root, which is the whole machine, and where only v1 is used. */
export function parseCgroupPath(text: string): string | null {
  const path = text
    .split('\n')
    .find((line) => line.startsWith('0::'))
    ?.slice('0::'.length);
  return path === undefined || !path.startsWith('/') || path === '/' || path.split('/').includes('..')
    ? null
    : path;
}

/** As `docker stats` counts: what was charged, without page cache that nobody has used of late. Null when unreadable. */
export function cgroupCounters(cpuStat: string, current: string, memoryStat: string): ProcessCounters | null {
  const usec = /^usage_usec (\d{1,18})$/m.exec(cpuStat)?.[1];
  const bytes = /^(\d{1,18})$/.exec(current.trim())?.[1];
  if (usec === undefined || bytes === undefined) return null;
  const idle = Number(/^inactive_file (\d{1,18})$/m.exec(memoryStat)?.[1] ?? 0);
  return { cpuSeconds: Number(usec) / 1e6, memoryBytes: Math.max(0, Number(bytes) - idle) };
}

/** Percent of one core between two looks; null when the counter fell (another process) or no time passed. */
export function coreShare(before: number | undefined, after: number, seconds: number): number | null {
  if (before === undefined || seconds <= 0 || after < before) return null;
  return Math.round(((after - before) / seconds) * 1000) / 10;
}
