/** For how many days each class of telemetry is kept. Pure. */
import type { RetentionClass } from '../stores/contracts/telemetry-settings.ts';

export type RetentionDays = Readonly<Record<RetentionClass, number>>;

/** Of organisations that decided nothing; the API states the same, and a test compares the two. */
export const DEFAULT_DAYS: RetentionDays = {
  metrics: 90,
  metrics_1m: 30,
  metrics_1h: 400,
  metrics_1d: 1830,
  logs: 30,
};
/** Days are summed up from hours, and hours from raw rows: the finer must not go first. */
const MARGIN_DAYS = 2;

/** What holds in effect: hours outlive the raw rows, days outlive the hours. */
export function effectiveDays(decided: Partial<RetentionDays>): RetentionDays {
  const days = { ...DEFAULT_DAYS, ...decided };
  const hours = Math.max(days.metrics_1h, days.metrics + MARGIN_DAYS);
  return { ...days, metrics_1h: hours, metrics_1d: Math.max(days.metrics_1d, hours + MARGIN_DAYS) };
}

/** The longest of each class: what is older than that belongs to nobody. */
export function longestDays(ofOrgs: readonly RetentionDays[]): RetentionDays {
  const longest = (name: RetentionClass): number =>
    Math.max(...(ofOrgs.length === 0 ? [DEFAULT_DAYS] : ofOrgs).map((days) => days[name]));
  return {
    metrics: longest('metrics'),
    metrics_1m: longest('metrics_1m'),
    metrics_1h: longest('metrics_1h'),
    metrics_1d: longest('metrics_1d'),
    logs: longest('logs'),
  };
}
