/** The only way out of the shipper: redaction, level, then the sink, the buffer of last lines and whoever looks on. */
import {
  LOG_LEVELS,
  type LogLevel,
  type LogRecord,
  MAX_LOG_MESSAGE,
  type TelemetrySettings,
} from '#contract';
import { createRedactor, type Redactor } from '#contract/redaction';
import { cutText } from './clean-text.ts';
import { TAIL_RECORDS } from './limits.ts';

/** Takes records for good; while it throws or rejects they are offered again. */
export type LogSink = (records: readonly LogRecord[]) => void | Promise<void>;
/** Gets every redacted record, also those below the level that is stored. Must not throw. */
export type LogListener = (record: LogRecord) => void;

export interface LogFeedOptions {
  readonly settings: TelemetrySettings;
  readonly sink: LogSink;
}

export interface FeedBatch {
  /** Records around `ready` in the order of reading: a secret may be broken over them. They do not go out. */
  readonly before: readonly LogRecord[];
  readonly ready: readonly LogRecord[];
  readonly after: readonly LogRecord[];
  /** In place of the level that the organisation set. */
  readonly minLevel?: LogLevel | undefined;
}

export interface LogFeed {
  /** One record that stands for itself. Rejects as the sink does. */
  offer(record: LogRecord): Promise<void>;
  /** Resolves when the sink took what it is meant to have; nobody sees the records before. */
  pass(batch: FeedBatch): Promise<void>;
  /** @throws RedactionRuleError when a rule is not valid; then the settings before stay. */
  configure(settings: TelemetrySettings): void;
  /** The last `count` (at most 500), oldest first. */
  tail(count: number): LogRecord[];
  /** Returns what ends it. */
  subscribe(listener: LogListener): () => void;
}

/** 0 for debug … 4 for critical. */
export const rankOf = (level: LogLevel): number => LOG_LEVELS.indexOf(level);

/** @throws RedactionRuleError when a rule of the settings is not valid. */
export function createLogFeed({ settings, sink }: LogFeedOptions): LogFeed {
  let redactor: Redactor = createRedactor(settings.redaction);
  let minLevel: LogLevel = settings.logs.min_level;
  const last: LogRecord[] = [];
  const listeners = new Set<LogListener>();

  const remember = (record: LogRecord): void => {
    last.push(record);
    if (last.length >= 2 * TAIL_RECORDS) last.splice(0, last.length - TAIL_RECORDS);
    for (const listener of listeners) listener(record);
  };
  const pass = async ({ before, ready, after, minLevel: own }: FeedBatch): Promise<void> => {
    const redacted = redactor
      .records([...before, ...ready, ...after])
      .slice(before.length, before.length + ready.length)
      .map(fitted);
    const lowest = rankOf(own ?? minLevel);
    const stored = redacted.filter((record) => rankOf(record.log_level) >= lowest);
    if (stored.length > 0) await sink(stored);
    for (const record of redacted) remember(record);
  };

  return {
    pass,
    offer: (record) => pass({ before: [], ready: [record], after: [] }),
    configure(next) {
      redactor = createRedactor(next.redaction);
      minLevel = next.logs.min_level;
    },
    tail: (count) => (count <= 0 ? [] : last.slice(-Math.min(count, TAIL_RECORDS))),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** What redaction put in may be longer than what it took out. */
function fitted(record: LogRecord): LogRecord {
  if (record.message.length <= MAX_LOG_MESSAGE) return record;
  return { ...record, message: cutText(record.message, MAX_LOG_MESSAGE).text };
}
