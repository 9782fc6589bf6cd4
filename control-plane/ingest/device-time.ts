/** When a record happened, from what the device says of its clock. Pure. */

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A clock that is off by this much or more is corrected; below it, the way of the message explains the difference. */
export const SKEW_LIMIT_MS = 2 * MINUTE_MS;
/** Times outside of this are not believed even after correction: they would make partitions without end. */
export const MAX_PAST_MS = 2 * 365 * DAY_MS;
export const MAX_FUTURE_MS = DAY_MS;

export interface PlacedTime {
  readonly atMs: number;
  /** Null where the device's own time is used as it is. */
  readonly flags: TimeFlags | null;
}
export interface TimeFlags {
  /** Device clock minus ours at the sending; present where it was corrected. */
  readonly clock_skew_ms?: number;
  /** What the device said. */
  readonly device_timestamp: string;
}

/** Device clock minus ours, where it is off enough to matter; 0 where it is not, or where the device did not say. */
export function clockSkew(sentAtMs: number | null, receivedAtMs: number): number {
  if (sentAtMs === null) return 0;
  const skewMs = sentAtMs - receivedAtMs;
  return Math.abs(skewMs) >= SKEW_LIMIT_MS ? skewMs : 0;
}

/** Corrected by the skew; what is still beyond belief happened when we received it, and keeps its own time as a flag. */
export function placeInTime(
  deviceMs: number,
  timestamp: string,
  skewMs: number,
  receivedAtMs: number,
): PlacedTime {
  const atMs = deviceMs - skewMs;
  const isBelievable = atMs >= receivedAtMs - MAX_PAST_MS && atMs <= receivedAtMs + MAX_FUTURE_MS;
  if (skewMs === 0 && isBelievable) return { atMs, flags: null };
  return {
    atMs: isBelievable ? atMs : receivedAtMs,
    flags:
      skewMs === 0 ? { device_timestamp: timestamp } : { clock_skew_ms: skewMs, device_timestamp: timestamp },
  };
}

const ZERO = 48;
/** Of the usual form `2026-11-23T06:00:00.000Z`; the rest goes the slower way. */
const USUAL_LENGTH = 24;
/** RFC 3339, as JSON Schema's date-time. */
const DATE_TIME =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Milliseconds since 1970 of an RFC 3339 time; NaN for anything else, a 30 February among it. */
export function timeOf(text: string): number {
  if (text.length === USUAL_LENGTH) {
    const usual = usualTime(text);
    if (!Number.isNaN(usual)) return usual;
  }
  if (!DATE_TIME.test(text)) return Number.NaN;
  const day = Number(text.slice(8, 10));
  if (day > 28 && day > daysInMonth(Number(text.slice(0, 4)), Number(text.slice(5, 7)))) return Number.NaN;
  return Date.parse(text.toUpperCase());
}

/** A tenth of what Date.parse takes. NaN where the text has another form. */
function usualTime(text: string): number {
  const isFormed =
    text.charCodeAt(4) === 45 &&
    text.charCodeAt(7) === 45 &&
    text.charCodeAt(10) === 84 &&
    text.charCodeAt(13) === 58 &&
    text.charCodeAt(16) === 58 &&
    text.charCodeAt(19) === 46 &&
    text.charCodeAt(23) === 90;
  if (!isFormed) return Number.NaN;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  const hour = digits(text, 11, 13);
  const minute = digits(text, 14, 16);
  const second = digits(text, 17, 19);
  const milli = digits(text, 20, 23);
  // Every comparison with NaN is false.
  const isDay = month >= 1 && month <= 12 && day >= 1 && (day <= 28 || day <= daysInMonth(year, month));
  const isTime = hour <= 23 && minute <= 59 && second <= 59 && milli >= 0;
  return isDay && isTime
    ? dayNumber(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + milli
    : Number.NaN;
}

function digits(text: string, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index += 1) {
    const digit = text.charCodeAt(index) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 in the Gregorian calendar; the year begins in March, so that the leap day is its last. */
function dayNumber(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
