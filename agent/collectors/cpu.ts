/** CPU time from /proc/stat, of all cores together and of each. Pure. Source: proc_stat(5). */

/** Ticks since boot. */
export interface CoreTimes {
  readonly total: number;
  readonly idle: number;
}

export interface CpuTimes extends CoreTimes {
  readonly cores: number;
  /** By the number of the core; a core that is switched off is missing. */
  readonly each?: ReadonlyMap<number, CoreTimes>;
}

/** More cores than this are not looked at one by one. */
export const MAX_CORES = 1024;

/** Null when the text has no cpu line. */
export function parseProcStat(text: string): CpuTimes | null {
  const lines = text.split('\n');
  const all = lines.find((line) => line.startsWith('cpu '));
  if (all === undefined) return null;
  const each = new Map<number, CoreTimes>();
  for (const line of lines) {
    const core = /^cpu(\d{1,5}) /.exec(line)?.[1];
    if (core !== undefined && each.size < MAX_CORES) each.set(Number(core), parseTicks(line));
  }
  return { ...parseTicks(all), cores: each.size, each };
}

function parseTicks(line: string): CoreTimes {
  const ticks = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map((cell) => (/^\d+$/.test(cell) ? Number(cell) : 0));
  // guest and guest_nice (9th, 10th) are counted in user and nice already.
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = ticks;
  return { total: user + nice + system + idle + iowait + irq + softirq + steal, idle: idle + iowait };
}

/** Share of busy time between two samples, 0-100; null without a first sample or when no time passed. */
export function cpuPercent(before: CoreTimes | null, after: CoreTimes): number | null {
  const passed = before === null ? 0 : after.total - before.total;
  if (before === null || passed <= 0) return null;
  return clampPercent((1 - (after.idle - before.idle) / passed) * 100);
}

/** Busy share of each core, in the order of their numbers; cores that were not there before are left out. */
export function corePercents(before: CpuTimes | null, after: CpuTimes): Map<number, number> {
  const percents = new Map<number, number>();
  for (const [core, times] of [...(after.each ?? [])].sort(([a], [b]) => a - b)) {
    const percent = cpuPercent(before?.each?.get(core) ?? null, times);
    if (percent !== null) percents.set(core, percent);
  }
  return percents;
}

/** 0-100 with one decimal; counters that jump back must not leave the range of the contract. */
export const clampPercent = (percent: number): number =>
  Math.round(Math.min(100, Math.max(0, percent)) * 10) / 10;
