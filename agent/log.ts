/** The agent's log: fields and a constant text, one line per event, JSON or readable. */

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, unknown>>;
export type Log = Readonly<Record<LogLevel, (fields: LogFields, text: string) => void>>;

export interface LogOptions {
  readonly format: 'text' | 'json';
  readonly level: LogLevel;
  readonly write: (line: string) => void;
  readonly now: () => Date;
}

/** Never give it keys, tokens or payloads: what is logged is readable by whoever reads the journal. */
export function createLog({ format, level, write, now }: LogOptions, base: LogFields = {}): Log {
  const lowest = LOG_LEVELS.indexOf(level);
  const emit = (lineLevel: LogLevel) => (fields: LogFields, text: string) => {
    if (LOG_LEVELS.indexOf(lineLevel) < lowest) return;
    const all = { ...base, ...fields };
    const at = now().toISOString();
    write(
      format === 'json'
        ? JSON.stringify({ time: at, level: lineLevel, event: text, ...all })
        : `${at} ${lineLevel.padEnd(5)} ${text}${describeFields(all)}`,
    );
  };
  return { debug: emit('debug'), info: emit('info'), warn: emit('warn'), error: emit('error') };
}

/** Adds fields to every line, e.g. the device of a fleet. */
export function withFields(log: Log, base: LogFields): Log {
  const wrap = (level: LogLevel) => (fields: LogFields, text: string) =>
    log[level]({ ...base, ...fields }, text);
  return { debug: wrap('debug'), info: wrap('info'), warn: wrap('warn'), error: wrap('error') };
}

const describeFields = (fields: LogFields): string =>
  Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('');
