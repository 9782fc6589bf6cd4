/** The five levels of the contract from what programs write: priorities, names, numbers, conventions of text. Pure. */
import type { LogLevel } from '#contract';

const BY_PRIORITY = [
  'critical',
  'critical',
  'critical',
  'error',
  'warning',
  'info',
  'info',
  'debug',
] as const satisfies readonly LogLevel[];

const BY_NAME: ReadonlyMap<string, LogLevel> = new Map([
  ...['trace', 'debug', 'verbose', 'fine', 'finer', 'finest', 'dbg'].map((name) => [name, 'debug'] as const),
  ...['info', 'information', 'notice', 'log', 'default', 'inf'].map((name) => [name, 'info'] as const),
  ...['warn', 'warning', 'wrn'].map((name) => [name, 'warning'] as const),
  ...['error', 'err', 'severe', 'eror'].map((name) => [name, 'error'] as const),
  ...['critical', 'crit', 'fatal', 'panic', 'alert', 'emerg', 'emergency', 'ftl'].map(
    (name) => [name, 'critical'] as const,
  ),
]);

const BY_KLOG: Readonly<Record<string, LogLevel>> = { I: 'info', W: 'warning', E: 'error', F: 'critical' };

/** Part of a line in which a level is looked for. */
const HEAD = 160;

const KLOG = /^[IWEF]\d{4} \d{2}:\d{2}:\d{2}/;
const LOGFMT = /(?:^|\s)(?:level|lvl|severity|loglevel)="?([a-zA-Z]{2,12})\b/;
const BRACKETED = /[[(|]\s{0,4}([a-zA-Z]{3,11})\s{0,4}[\])|]/g;
const LEADING = /^\W{0,4}([a-zA-Z]{3,11})\s{0,4}:/;
/** Upper case, at the start or after a time, a bracket or a dash: in the middle of a sentence it says nothing. */
const SHOUTED =
  /(?:^|[^a-z\s]\s{1,4}|[-:|\].]\s{0,4})(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|SEVERE|FATAL|CRITICAL|CRIT|PANIC|ALERT|EMERG)(?![A-Za-z0-9_])/;
const FAILURE =
  /^(?:Traceback \(most recent call last\)|panic: |fatal error: |Exception in thread |Uncaught |Unhandled |(?:[a-zA-Z_][\w$]{0,80}\.){0,12}[A-Z][\w$]{0,80}(?:Exception|Error)\b(?::|$))/;

/** Syslog severity 0-7; null for anything else. Source: RFC 5424 §6.2.1. */
export const levelOfPriority = (priority: number): LogLevel | null => BY_PRIORITY[priority] ?? null;

/** `error`, `WARN`, `Information`; null for a word that is no level. */
export const levelOfName = (name: string): LogLevel | null => BY_NAME.get(name.trim().toLowerCase()) ?? null;

/** A field of a JSON line: a name, a severity 0-7, or a number of pino and bunyan (10 … 60). */
export function levelOfField(value: unknown): LogLevel | null {
  if (typeof value === 'string') {
    return levelOfName(value) ?? (/^\d{1,2}$/.test(value) ? levelOfField(Number(value)) : null);
  }
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) return null;
  if (value < 8) return levelOfPriority(Math.floor(value));
  if (value < 30) return 'debug';
  if (value < 40) return 'info';
  if (value < 50) return 'warning';
  return value < 60 ? 'error' : 'critical';
}

/** From the beginning of a line of text; null where it says nothing. */
export function levelOfText(text: string): LogLevel | null {
  const head = text.slice(0, HEAD);
  if (KLOG.test(head)) return BY_KLOG[head[0] ?? ''] ?? null;
  const named = LOGFMT.exec(head)?.[1];
  if (named !== undefined) return levelOfName(named);
  const leading = levelOfName(LEADING.exec(head)?.[1] ?? '');
  if (leading !== null) return leading;
  return firstOf(head) ?? (FAILURE.test(head) ? 'error' : null);
}

/** Whichever comes first of `[warn]` and `ERROR`. */
function firstOf(head: string): LogLevel | null {
  const shouted = SHOUTED.exec(head);
  const shoutedAt = shouted === null ? Number.POSITIVE_INFINITY : shouted.index;
  for (const match of head.matchAll(BRACKETED)) {
    if (match.index > shoutedAt) break;
    const level = levelOfName(match[1] ?? '');
    if (level !== null) return level;
  }
  return shouted === null ? null : levelOfName(shouted[1] ?? '');
}
