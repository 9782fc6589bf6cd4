/** One entry of `journalctl -o json`. Source: systemd's "Journal JSON Format", journalctl(1). Pure. */
import type { LogLevel } from '#contract';
import { cleanBytes, cleanText } from './clean-text.ts';
import { levelOfPriority } from './level.ts';
import type { LogMetadata } from './read-line.ts';

/** The fields that are asked for; cursor and times always come. */
export const JOURNAL_FIELDS = [
  'MESSAGE',
  'PRIORITY',
  '_SYSTEMD_UNIT',
  '_SYSTEMD_USER_UNIT',
  'UNIT',
  'SYSLOG_IDENTIFIER',
  '_COMM',
  '_PID',
  '_TRANSPORT',
] as const;

export interface JournalEntry {
  readonly cursor: string;
  readonly timestamp: Date;
  readonly message: string;
  /** Null where the entry has none. */
  readonly level: LogLevel | null;
  /** The unit without its suffix, else the identifier. */
  readonly service: string;
  readonly metadata: LogMetadata;
  readonly pid: number | null;
}

/** Null when the line is no entry. An entry that was cut keeps its cursor and the beginning of its message. */
export function parseJournalEntry(text: string): JournalEntry | null {
  const fields = parse(text) ?? salvage(text);
  const cursor = fields.get('__CURSOR');
  const microseconds = Number(fields.get('__REALTIME_TIMESTAMP'));
  if (typeof cursor !== 'string' || cursor === '' || cursor.length > 1024) return null;
  const timestamp = new Date(Number.isFinite(microseconds) ? microseconds / 1000 : Number.NaN);
  if (Number.isNaN(timestamp.getTime())) return null;
  const unit = [fields.get('UNIT'), fields.get('_SYSTEMD_UNIT'), fields.get('_SYSTEMD_USER_UNIT')]
    .map(textOf)
    .find((name) => name !== null && isOwnUnit(name));
  const identifier = textOf(fields.get('SYSLOG_IDENTIFIER')) ?? textOf(fields.get('_COMM'));
  const isKernel = fields.get('_TRANSPORT') === 'kernel';
  const pid = Number(textOf(fields.get('_PID')) ?? Number.NaN);
  return {
    cursor,
    timestamp,
    message: textOf(fields.get('MESSAGE')) ?? '',
    level: levelOfPriority(Number(textOf(fields.get('PRIORITY')) ?? Number.NaN)),
    service: (isKernel ? 'kernel' : (unit?.replace(/\.(?:service|scope)$/, '') ?? identifier)) ?? 'journal',
    metadata: {
      ...(unit === undefined || unit === null ? {} : { unit: unit.slice(0, 255) }),
      ...(identifier === null ? {} : { identifier: identifier.slice(0, 255) }),
      ...(Number.isInteger(pid) ? { pid } : {}),
    },
    pid: Number.isInteger(pid) ? pid : null,
  };
}

/** Units of sessions and of users say nothing of who speaks. */
const isOwnUnit = (name: string): boolean => !/^(?:init\.scope|session-|user@|user-)/.test(name);

/** Text, or bytes where it is not UTF-8; the first where a field was given more than once. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return cleanText(value);
  if (!Array.isArray(value)) return null;
  if (value.every((item) => typeof item === 'number')) return cleanBytes(Uint8Array.from(value));
  return textOf(value[0]);
}

function parse(text: string): ReadonlyMap<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : null;
  } catch {
    return null;
  }
}

/** The strings that can still be read from an entry that was cut somewhere. */
function salvage(text: string): ReadonlyMap<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [, name = '', value = ''] of text.matchAll(/"([A-Z_]{1,64})"\s?:\s?"((?:[^"\\]|\\.)*)/g)) {
    if (!fields.has(name)) fields.set(name, unescaped(value));
  }
  return fields;
}

/** What stands before a broken escape. */
function unescaped(value: string): string {
  const whole = value.replace(/\\(?:u[0-9a-fA-F]{0,3})?$/, '');
  try {
    const text: unknown = JSON.parse(`"${whole}"`);
    return typeof text === 'string' ? text : '';
  } catch {
    return '';
  }
}
