/** CPU time from /proc/stat. Pure. Source: proc_stat(5). */

export interface CpuTimes {
  /** Ticks since boot, all cores. */
  readonly total: number;
  readonly idle: number;
  readonly cores: number;
}

/** Null when the text has no cpu line. */
export function parseProcStat(text: string): CpuTimes | null {
  const lines = text.split('\n');
  const all = lines.find((line) => line.startsWith('cpu '));
  if (all === undefined) return null;
  const ticks = all.trim().split(/\s+/).slice(1).map(Number);
  // guest and guest_nice (9th, 10th) are counted in user and nice already.
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = ticks;
  const cores = lines.filter((line) => /^cpu\d+ /.test(line)).length;
  return {
    total: user + nice + system + idle + iowait + irq + softirq + steal,
    idle: idle + iowait,
    cores,
  };
}

/** Share of busy time between two samples, 0-100; null without a first sample or when no time passed. */
export function cpuPercent(before: CpuTimes | null, after: CpuTimes): number | null {
  const passed = before === null ? 0 : after.total - before.total;
  if (before === null || passed <= 0) return null;
  return clampPercent((1 - (after.idle - before.idle) / passed) * 100);
}

/** 0-100 with one decimal; counters that jump back must not leave the range of the contract. */
export const clampPercent = (percent: number): number =>
  Math.round(Math.min(100, Math.max(0, percent)) * 10) / 10;
