/** What a line says of itself: level, time, message, fields. Pure. */
import type { LogLevel, LogRecord } from '#contract';
import { cleanText, cutText } from './clean-text.ts';
import { levelOfField, levelOfPriority, levelOfText } from './level.ts';
import { timeOfField, timeOfText } from './line-time.ts';

/** Bounds of the contract's LogMetadata, less room for what the shipper adds itself. */
const MAX_FIELDS = 24;
const MAX_KEY = 60;
const MAX_VALUE = 1000;

export type LogMetadata = NonNullable<LogRecord['metadata']>;

export interface ReadLine {
  /** Null where the line says none. */
  readonly level: LogLevel | null;
  readonly timestamp: Date | null;
  readonly message: string;
  readonly metadata: LogMetadata | null;
  /** JSON lines stand alone; text may go on in the next line. */
  readonly isWhole: boolean;
}

const LEVEL_FIELDS = [
  'level',
  'severity',
  'lvl',
  'log_level',
  'loglevel',
  'levelname',
  '@level',
  'log.level',
  'PRIORITY',
];
const MESSAGE_FIELDS = ['message', 'msg', '@message', 'MESSAGE', 'log', 'event', 'text'];
const TIME_FIELDS = ['time', 'timestamp', 'ts', '@timestamp', 'datetime', 'asctime', 'date', 't', '@t'];

/** `text` is clean already; `readAt` is the moment of reading. */
export function readLine(text: string, readAt: Date): ReadLine {
  const fields = text.startsWith('{') ? parseObject(text) : null;
  if (fields !== null) return fromJson(fields, text, readAt);
  const prefix = /^<(\d{1,3})>(.*)$/s.exec(text);
  const priority = prefix === null ? Number.NaN : Number(prefix[1]);
  // `<3>` of sd-daemon and `<34>` of syslog: facility × 8 + severity.
  const prefixed = priority <= 191 ? levelOfPriority(priority % 8) : null;
  return {
    level: prefixed ?? levelOfText(text),
    timestamp: timeOfText(text, readAt),
    message: prefixed === null ? text : (prefix?.[2] ?? text),
    metadata: null,
    isWhole: false,
  };
}

function fromJson(fields: ReadonlyMap<string, unknown>, text: string, readAt: Date): ReadLine {
  const levelName = LEVEL_FIELDS.find((name) => levelOfField(fields.get(name)) !== null);
  const timeName = TIME_FIELDS.find((name) => timeOfField(fields.get(name), readAt) !== null);
  const messageName = MESSAGE_FIELDS.find((name) => typeof fields.get(name) === 'string');
  if (levelName === undefined && messageName === undefined) {
    return { level: null, timestamp: null, message: text, metadata: null, isWhole: true };
  }
  const used = new Set([levelName, timeName, messageName]);
  const rest = [...fields].filter(([name]) => !used.has(name));
  return {
    level: levelName === undefined ? null : levelOfField(fields.get(levelName)),
    timestamp: timeName === undefined ? null : timeOfField(fields.get(timeName), readAt),
    message: messageName === undefined ? text : cleanText(String(fields.get(messageName))),
    // Without a message of its own the line is shown whole; its fields would be said twice.
    metadata: messageName === undefined ? null : metadataOf(rest),
    isWhole: true,
  };
}

/** Flat values as they are, deeper ones as JSON; what does not fit is left out. Null for none. */
function metadataOf(entries: readonly (readonly [string, unknown])[]): LogMetadata | null {
  const fitting = entries.flatMap(([name, value]): [string, LogMetadata[string]][] => {
    const key = cleanText(name);
    if (key === '' || key.length > MAX_KEY || key === '__proto__') return [];
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return [[key, value]];
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return text === undefined ? [] : [[key, cutText(cleanText(text), MAX_VALUE).text]];
  });
  return fitting.length === 0 ? null : Object.fromEntries(fitting.slice(0, MAX_FIELDS));
}

function parseObject(text: string): ReadonlyMap<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? new Map(Object.entries(value))
      : null;
  } catch {
    return null;
  }
}
