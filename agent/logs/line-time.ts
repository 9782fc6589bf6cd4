/** When a line was written, by what stands at its beginning or in a field of it. Pure. */

/** A time further ahead of the moment of reading is a mistake (a zone left out), and is not taken. */
const MAX_AHEAD_MS = 10 * 60_000;
const MAX_BEHIND_MS = 366 * 86_400_000;
/** Part of a line in which a time is looked for. */
const HEAD = 120;

const ISO =
  /^(?:<\d{1,3}>)?(?:\d )?\W{0,2}(\d{4})[-/](\d{2})[-/](\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))? ?(Z|[+-]\d{2}:?\d{2})?/;
const SYSLOG = /^(?:<\d{1,3}>)?([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d{2}):(\d{2}):(\d{2})/;
const ACCESS = /\[(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-]\d{4})\]/;
const KLOG = /^[IWEF](\d{2})(\d{2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?/;
const EPOCH = /^\[?(\d{10}(?:\.\d{1,9})?|\d{13})(?![\d.])/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** From the beginning of a line. Without a zone: this machine's. Null where there is none, or none that can be. */
export function timeOfText(text: string, readAt: Date): Date | null {
  const head = text.slice(0, HEAD);
  return (
    fromIso(ISO.exec(head), readAt) ??
    fromSyslog(SYSLOG.exec(head), readAt) ??
    fromKlog(KLOG.exec(head), readAt) ??
    fromAccess(ACCESS.exec(head), readAt) ??
    fromEpoch(EPOCH.exec(head), readAt)
  );
}

/** A field of a JSON line: ISO text, or seconds, milliseconds, microseconds, nanoseconds since 1970. */
export function timeOfField(value: unknown, readAt: Date): Date | null {
  if (typeof value === 'string') return timeOfText(value, readAt);
  if (typeof value !== 'number' || !Number.isFinite(value)) return null;
  const milliseconds =
    value < 1e11 ? value * 1000 : value < 1e14 ? value : value < 1e17 ? value / 1e3 : value / 1e6;
  return plausible(new Date(milliseconds), readAt);
}

/** RFC 3339 with up to nine digits, as container tools print it, in nanoseconds since 1970; null when it is not one. */
export function nanosecondsOf(text: string): bigint | null {
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/.exec(text);
  if (match === null) return null;
  const seconds = Date.parse(`${match[1]}${match[3]}`);
  return Number.isNaN(seconds)
    ? null
    : BigInt(seconds) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}

function fromIso(match: RegExpExecArray | null, readAt: Date): Date | null {
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  const text = `${year}-${month}-${day}T${hour}:${minute}:${second}.${(fraction ?? '').padEnd(3, '0').slice(0, 3)}`;
  const offset = zone === undefined || zone === 'Z' ? (zone ?? '') : `${zone.slice(0, 3)}:${zone.slice(-2)}`;
  return plausible(new Date(`${text}${offset}`), readAt);
}

const fromSyslog = (match: RegExpExecArray | null, readAt: Date): Date | null =>
  match === null ? null : withoutYear(MONTHS.indexOf(match[1] ?? ''), match.slice(2).map(Number), 0, readAt);

const fromKlog = (match: RegExpExecArray | null, readAt: Date): Date | null =>
  match === null
    ? null
    : withoutYear(
        Number(match[1]) - 1,
        match.slice(2, 6).map(Number),
        Number((match[6] ?? '').padEnd(3, '0').slice(0, 3)),
        readAt,
      );

/** The year in which it lies nearest behind the reading: a line of 31 December is read in January. */
function withoutYear(month: number, parts: readonly number[], ms: number, readAt: Date): Date | null {
  const [day = 0, hour = 0, minute = 0, second = 0] = parts;
  if (month < 0 || month > 11 || day < 1 || day > 31) return null;
  const inYear = (year: number) => new Date(year, month, day, hour, minute, second, ms);
  return (
    plausible(inYear(readAt.getFullYear()), readAt) ?? plausible(inYear(readAt.getFullYear() - 1), readAt)
  );
}

function fromAccess(match: RegExpExecArray | null, readAt: Date): Date | null {
  if (match === null) return null;
  const [, day, month, year, hour, minute, second, zone = '+0000'] = match;
  const number = String(MONTHS.indexOf(month ?? '') + 1).padStart(2, '0');
  const offset = `${zone.slice(0, 3)}:${zone.slice(3)}`;
  return plausible(new Date(`${year}-${number}-${day}T${hour}:${minute}:${second}${offset}`), readAt);
}

const fromEpoch = (match: RegExpExecArray | null, readAt: Date): Date | null =>
  match === null ? null : timeOfField(Number(match[1]), readAt);

function plausible(time: Date, readAt: Date): Date | null {
  const aheadMs = time.getTime() - readAt.getTime();
  return aheadMs <= MAX_AHEAD_MS && aheadMs >= -MAX_BEHIND_MS ? time : null;
}
