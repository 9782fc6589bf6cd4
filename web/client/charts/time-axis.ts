/** Where a time axis has its marks and what stands at them, in the reader's zone and language. Pure. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export interface TimeTick {
  readonly atMs: number;
  readonly label: string;
}

const SHORT_STEPS_MS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
].map((seconds) => seconds * SECOND_MS);
const DAY_STEPS = [1, 2, 7, 14] as const;

/** At most `maxTicks` marks at round wall-clock times between the ends, oldest first. */
export function timeTicks(fromMs: number, toMs: number, maxTicks: number): readonly TimeTick[] {
  if (!(toMs > fromMs) || maxTicks < 1) return [];
  const wantedMs = (toMs - fromMs) / maxTicks;
  const step = SHORT_STEPS_MS.find((ms) => ms >= wantedMs);
  if (step !== undefined) return wallClockTicks(fromMs, toMs, step);
  const days = DAY_STEPS.find((count) => count * DAY_MS >= wantedMs);
  return days === undefined ? monthTicks(fromMs, toMs, wantedMs) : dayTicks(fromMs, toMs, days);
}

/** By wall clock, so that marks stay at round hours over a change of summer time. */
function wallClockTicks(fromMs: number, toMs: number, stepMs: number): TimeTick[] {
  const ticks: TimeTick[] = [];
  const withSeconds = stepMs < MINUTE_MS;
  for (let day = startOfDay(new Date(fromMs), 0); day.getTime() <= toMs; day = startOfDay(day, 1)) {
    const dayMs = day.getTime();
    // An hour of slack for days that are not 24 h long.
    const first = Math.max(0, Math.floor((fromMs - dayMs - HOUR_MS) / stepMs));
    const last = Math.min(Math.ceil(DAY_MS / stepMs) - 1, Math.ceil((toMs - dayMs + HOUR_MS) / stepMs));
    for (let index = first; index <= last; index += 1) {
      const at = new Date(day.getFullYear(), day.getMonth(), day.getDate(), 0, 0, 0, index * stepMs);
      const atMs = at.getTime();
      if (atMs < fromMs || atMs > toMs || atMs === ticks.at(-1)?.atMs) continue;
      ticks.push({ atMs, label: index === 0 ? dayLabel(at) : clockLabel(at, withSeconds) });
    }
  }
  return ticks;
}

function dayTicks(fromMs: number, toMs: number, days: number): TimeTick[] {
  const ticks: TimeTick[] = [];
  for (let day = startOfDay(new Date(fromMs), 0); day.getTime() <= toMs; day = startOfDay(day, 1)) {
    // Counted from a Monday, so that weeks begin with one.
    const number = Math.round(Date.UTC(day.getFullYear(), day.getMonth(), day.getDate()) / DAY_MS) + 3;
    if (day.getTime() >= fromMs && number % days === 0)
      ticks.push({ atMs: day.getTime(), label: dayLabel(day) });
  }
  return ticks;
}

function monthTicks(fromMs: number, toMs: number, wantedMs: number): TimeTick[] {
  const ticks: TimeTick[] = [];
  const months = Math.max(1, Math.ceil(wantedMs / (31 * DAY_MS)));
  const start = new Date(fromMs);
  for (let month = 0; ; month += 1) {
    const at = new Date(start.getFullYear(), start.getMonth() + month, 1);
    if (at.getTime() > toMs) return ticks;
    if (at.getTime() >= fromMs && (at.getFullYear() * 12 + at.getMonth()) % months === 0) {
      ticks.push({ atMs: at.getTime(), label: monthLabel(at) });
    }
  }
}

const startOfDay = (date: Date, daysLater: number): Date =>
  new Date(date.getFullYear(), date.getMonth(), date.getDate() + daysLater);

const formats = new Map<string, Intl.DateTimeFormat>();
function format(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const known = formats.get(name) ?? new Intl.DateTimeFormat(undefined, options);
  formats.set(name, known);
  return known;
}
const clockLabel = (date: Date, withSeconds: boolean): string =>
  withSeconds
    ? format('seconds', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(date)
    : format('minutes', { hour: '2-digit', minute: '2-digit' }).format(date);
const dayLabel = (date: Date): string => format('day', { day: 'numeric', month: 'short' }).format(date);
const monthLabel = (date: Date): string => format('month', { month: 'short', year: 'numeric' }).format(date);

/** The instant under the cursor: with the date, and with seconds where the span is short. */
export const cursorLabel = (atMs: number): string =>
  format('cursor', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).format(atMs);
