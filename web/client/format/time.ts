/** Instants and spans as people read them. Pure: the present comes in. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Clocks of server and browser differ a little: this much ahead still reads as now. */
const CLOCK_TOLERANCE_MS = 5 * SECOND_MS;

/** `just now`, `12 s ago`, `in 3 h`, `4 d ago`; a date from 30 days on. */
export function relativeTime(iso: string, nowMs: number): string {
  const differenceMs = nowMs - Date.parse(iso);
  if (Number.isNaN(differenceMs)) return 'unknown';
  const isAhead = differenceMs < -CLOCK_TOLERANCE_MS;
  const spanMs = Math.abs(differenceMs);
  if (spanMs < 5 * SECOND_MS || (differenceMs < 0 && !isAhead)) return 'just now';
  if (spanMs >= 30 * DAY_MS) return dateOnly(iso);
  const text =
    spanMs < MINUTE_MS
      ? `${Math.floor(spanMs / SECOND_MS)} s`
      : spanMs < HOUR_MS
        ? `${Math.floor(spanMs / MINUTE_MS)} min`
        : spanMs < 2 * DAY_MS
          ? `${Math.floor(spanMs / HOUR_MS)} h`
          : `${Math.floor(spanMs / DAY_MS)} d`;
  return isAhead ? `in ${text}` : `${text} ago`;
}

/** `3 d 4 h`, `4 h 12 min`, `12 min`, `40 s`: the two largest units. */
export function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`;
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

/** In the reader's zone and language, to the second. */
export function dateTime(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime())
    ? 'unknown'
    : date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}

export function dateOnly(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime())
    ? 'unknown'
    : date.toLocaleDateString(undefined, { dateStyle: 'medium' });
}

export function timeOfDay(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime())
    ? 'unknown'
    : date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}
