/** The range of a query, checked. Pure. */
import { AppError } from '../errors.ts';

const DAY_MS = 86_400_000;
/** The longest that anything is kept. */
export const MAX_RANGE_MS = 5 * 366 * DAY_MS;
/** Devices whose clocks are ahead are stored up to a day ahead of ours. */
export const MAX_AHEAD_MS = DAY_MS;
export const DEFAULT_RANGE_MS = 3_600_000;

/** [from, to) */
export interface TimeRange {
  readonly from: Date;
  readonly to: Date;
}

/** Default: the hour before `to`, and `to` now. @throws AppError 'request.invalid' naming `from` or `to` */
export function timeRange(query: { readonly from?: string; readonly to?: string }, now: Date): TimeRange {
  const to = query.to === undefined ? now : timeOf('to', query.to);
  const from =
    query.from === undefined ? new Date(to.getTime() - DEFAULT_RANGE_MS) : timeOf('from', query.from);
  checkRange(from, to, now);
  return { from, to };
}

/** The same without defaults, for logs: an end that is not given is open. */
export function openTimeRange(
  query: { readonly from?: string; readonly to?: string },
  now: Date,
): { from: Date | null; to: Date | null } {
  const from = query.from === undefined ? null : timeOf('from', query.from);
  const to = query.to === undefined ? null : timeOf('to', query.to);
  if (from !== null) checkRange(from, to ?? new Date(now.getTime() + MAX_AHEAD_MS), now);
  else if (to !== null) checkEnd(to, now);
  return { from, to };
}

/** @throws AppError 'request.invalid' for what the format allows and no calendar has, e.g. a 30 February */
export function timeOf(path: string, text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw invalid(path, 'is not a time');
  return time;
}

function checkRange(from: Date, to: Date, now: Date): void {
  if (from >= to) throw invalid('from', 'must be before `to`');
  if (to.getTime() - from.getTime() > MAX_RANGE_MS) throw invalid('from', 'is more than 5 years before `to`');
  checkEnd(to, now);
}

function checkEnd(to: Date, now: Date): void {
  if (to.getTime() > now.getTime() + MAX_AHEAD_MS) throw invalid('to', 'is more than a day ahead');
}

export const invalid = (path: string, message: string): AppError =>
  new AppError('request.invalid', { errors: [{ path, message }] });
