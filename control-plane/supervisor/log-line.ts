/** Turns what a child wrote into one record, and a record into a line for people. Pure. */

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

export interface LogRecord {
  readonly time: string;
  readonly level: Level;
  readonly event: string;
  readonly role: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Longest line kept: a stack trace fits, a dumped payload does not. */
const MAX_LINE_CHARS = 16_384;
/** Fields shown to people beside the text. */
const MAX_SHOWN_FIELDS = 6;
const HIDDEN = new Set(['time', 'level', 'event', 'role', 'msg', 'pid', 'hostname', 'name']);

/** pino's JSON is taken over; any other text becomes the message, a warning where it came on standard error. */
export function readLogLine(role: string, line: string, stream: 'stdout' | 'stderr', now: Date): LogRecord {
  const cut = line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS)}…` : line;
  const parsed = parseObject(cut);
  const fallback: Level = stream === 'stderr' ? 'warn' : 'info';
  if (parsed === null) return { time: now.toISOString(), level: fallback, event: 'log', role, msg: cut };
  // The agent calls its text `event`; here that word is kept for the kinds of line.
  const text = parsed.msg ?? parsed.event;
  return {
    ...parsed,
    time: typeof parsed.time === 'string' ? parsed.time : now.toISOString(),
    level: readLevel(parsed.level) ?? fallback,
    event: 'log',
    role,
    msg: typeof text === 'string' ? text : '',
  };
}

/** `12:04:05 broker warn: text (code=…)`; control characters cannot reach the terminal. */
export function renderForPeople(record: LogRecord): string {
  const fields = Object.entries(record)
    .filter(([key, value]) => !HIDDEN.has(key) && value !== undefined)
    .slice(0, MAX_SHOWN_FIELDS)
    .map(([key, value]) => `${key}=${describe(value)}`);
  const tail = fields.length === 0 ? '' : ` (${fields.join(', ')})`;
  return neutralise(`${record.time.slice(11, 19)} ${record.role} ${record.level}: ${record.msg}${tail}`);
}

export function isAtLeast(level: Level, lowest: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(lowest);
}

function readLevel(value: unknown): Level | null {
  // pino's numbers: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal.
  if (typeof value === 'number')
    return value >= 50 ? 'error' : value >= 40 ? 'warn' : value >= 30 ? 'info' : 'debug';
  if (value === 'fatal') return 'error';
  return LEVELS.find((level) => level === value) ?? null;
}

function parseObject(text: string): Record<string, unknown> | null {
  if (!text.startsWith('{')) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    // A line that only looks like JSON is text.
    return null;
  }
}

function describe(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return String(value);
  if ('message' in value && typeof value.message === 'string') return value.message;
  return JSON.stringify(value);
}

function neutralise(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: taking them out is the point
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' ');
}
