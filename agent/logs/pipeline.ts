/** One source's way from lines to the feed: read, join, limit, hold back for redaction, hand over, commit the position. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type LogLevel, type LogRecord, MAX_LOG_MESSAGE } from '#contract';
import { messageOf } from '../errors.ts';
import { cutText } from './clean-text.ts';
import { createJoiner, type Joiner, type JoinLine, type JoinRule } from './joiner.ts';
import {
  BACKLOG_FACTOR,
  CONTEXT_MS,
  CONTEXT_RECORDS,
  HOLD_MS,
  MAX_HELD_BYTES,
  MAX_HELD_RECORDS,
  MAX_JOIN_LANES,
  SUPPRESSED_EVENT_MS,
} from './limits.ts';
import type { LogFeed } from './log-feed.ts';
import { createProgress, type Ticket } from './progress.ts';
import { type LogMetadata, readLine } from './read-line.ts';
import type { Surroundings } from './surroundings.ts';
import { createTokenBucket } from './token-bucket.ts';

/** A sink that refuses is asked again after this. */
const SINK_RETRY_MS = 1000;
const MAX_SERVICE = 100;

/** A line as a source gives it. */
export interface SourceLine<P> {
  /** Clean text without its line end. */
  readonly text: string;
  readonly cutBytes: number;
  readonly service: string;
  /** Lines of one lane belong together: a service and its stream. */
  readonly lane: string;
  readonly position: P;
  /** Written before the agent looked: read slowly, never suppressed. */
  readonly isBacklog: boolean;
  /** The source's own time and level, where it keeps them; else what the line says. */
  readonly timestamp?: Date | undefined;
  readonly level?: LogLevel | undefined;
  readonly metadata?: LogMetadata | undefined;
  /** An entry that is whole by itself although it has line ends. */
  readonly isWhole?: boolean;
}

export interface PipelineOptions<P> {
  readonly name: string;
  readonly join: JoinRule;
  readonly rate: { readonly lines_per_second: number; readonly burst: number };
  readonly minLevel?: LogLevel | undefined;
  readonly feed: LogFeed;
  /** Called in the order of reading once the sink took everything up to there. */
  readonly commit: (position: P) => void;
  readonly around: Surroundings;
}

export interface PipelineCounts {
  readonly lines: number;
  readonly records: number;
  readonly suppressed: number;
}

export interface Pipeline<P> {
  /** Resolves when more may come; memory stays bounded as long as the source waits for it. */
  push(lines: readonly SourceLine<P>[]): Promise<void>;
  /** A position without a line: everything read before it is done. */
  mark(position: P): void;
  /** Does what is due. Called every 100 ms. */
  tick(): void;
  counts(): PipelineCounts;
  /** Lines that were read and are not committed. */
  open(): number;
  /** Hands over what is there, tries a refusing sink once more, and ends. */
  stop(): Promise<void>;
}

interface Line<P> extends JoinLine {
  readonly source: SourceLine<P>;
  readonly message: string;
  readonly timestamp: Date;
  readonly metadata: LogMetadata | null;
  readonly ticket: Ticket<P>;
}

interface Held<P> {
  readonly record: LogRecord;
  readonly tickets: readonly Ticket<P>[];
  readonly sinceMs: number;
  readonly bytes: number;
}

export function createPipeline<P>(options: PipelineOptions<P>): Pipeline<P> {
  const { name, join, rate, minLevel, feed, commit, around } = options;
  const { monotonicMs, now, event, log } = around;
  const limiter = createTokenBucket(rate.lines_per_second, rate.burst);
  const pacer = createTokenBucket(rate.lines_per_second * BACKLOG_FACTOR, rate.burst);
  const progress = createProgress(commit);
  const joiners = new Map<string, Joiner<Line<P>>>();
  const stopping = new AbortController();
  const held: Held<P>[] = [];
  let heldBytes = 0;
  let sent: { record: LogRecord; atMs: number }[] = [];
  let lines = 0;
  let records = 0;
  let suppressed = 0;
  let unsaid = 0;
  let saidAtMs = Number.NEGATIVE_INFINITY;
  let handing: Promise<void> | null = null;

  const close = (group: readonly Line<P>[] | null | undefined): void => {
    if (group === null || group === undefined) return;
    const tickets = group.map(({ ticket }) => ticket);
    const isBacklog = group[0]?.source.isBacklog === true;
    const record = recordOf(group);
    if (record === null) {
      progress.finish(tickets);
      return;
    }
    if (!isBacklog && !limiter.take(group.length, monotonicMs())) {
      suppressed += group.length;
      unsaid += group.length;
      progress.finish(tickets);
      return;
    }
    const bytes = record.message.length + 200;
    held.push({ record, tickets, sinceMs: monotonicMs(), bytes });
    heldBytes += bytes;
  };
  const joinerOf = (lane: string): Joiner<Line<P>> => {
    const known = joiners.get(lane);
    if (known !== undefined) return known;
    const oldest = joiners.size >= MAX_JOIN_LANES ? joiners.keys().next() : null;
    if (oldest?.done === false) {
      close(joiners.get(oldest.value)?.flush());
      joiners.delete(oldest.value);
    }
    const joiner = createJoiner<Line<P>>(join);
    joiners.set(lane, joiner);
    return joiner;
  };

  /** Hands over the first `count` of what is held; a refusing sink is asked until it takes them or the pipeline stops. */
  const handOver = async (count: number): Promise<void> => {
    const batch = held.slice(0, count);
    const sinceMs = monotonicMs() - CONTEXT_MS;
    sent = sent.filter(({ atMs }) => atMs >= sinceMs).slice(-CONTEXT_RECORDS);
    const ready = batch.map(({ record }) => record);
    for (;;) {
      try {
        await feed.pass({
          before: sent.map(({ record }) => record),
          ready,
          after: held.slice(count, count + CONTEXT_RECORDS).map(({ record }) => record),
          minLevel,
        });
        break;
      } catch (error) {
        log.warn({ source: name, reason: messageOf(error) }, 'log lines were not taken');
        if (stopping.signal.aborted) return;
        await sleep(SINK_RETRY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
    held.splice(0, batch.length);
    heldBytes -= batch.reduce((sum, { bytes }) => sum + bytes, 0);
    records += batch.length;
    const atMs = monotonicMs();
    sent.push(...ready.slice(-CONTEXT_RECORDS).map((record) => ({ record, atMs })));
    for (const { tickets } of batch) progress.finish(tickets);
  };
  const handOverNow = async (count: number): Promise<void> => {
    while (handing !== null) await handing;
    if (count === 0 || held.length === 0) return;
    handing = handOver(Math.min(count, held.length)).finally(() => {
      handing = null;
    });
    await handing;
  };
  const isFull = (): boolean => held.length >= MAX_HELD_RECORDS || heldBytes >= MAX_HELD_BYTES;

  const enter = (source: SourceLine<P>): void => {
    lines += 1;
    const readAt = now();
    const read = readLine(source.text, readAt);
    const ticket = progress.enter(source.position);
    const joiner = joinerOf(source.lane);
    const line = {
      source,
      ticket,
      text: source.text,
      message: read.message,
      metadata: read.metadata,
      // A source that knows no better says info for everything.
      level:
        source.level === undefined || source.level === 'info'
          ? (read.level ?? source.level ?? null)
          : source.level,
      timestamp: source.timestamp ?? read.timestamp ?? readAt,
      hasTime: read.timestamp !== null,
      isWhole: read.isWhole || source.isWhole === true,
    };
    close(joiner.push(line, monotonicMs()));
  };
  const saySuppressed = (): void => {
    const nowMs = monotonicMs();
    if (unsaid === 0 || nowMs - saidAtMs < SUPPRESSED_EVENT_MS) return;
    event({
      kind: 'log.suppressed',
      log_level: 'warning',
      message: `${unsaid} lines of ${name} were left out: more than ${rate.lines_per_second} a second`,
      metadata: { source: name, lines: unsaid },
    });
    saidAtMs = nowMs;
    unsaid = 0;
  };

  return {
    async push(batch) {
      for (const source of batch) {
        if (source.isBacklog) {
          for (
            let waitMs = pacer.waitMs(1, monotonicMs());
            waitMs > 0;
            waitMs = pacer.waitMs(1, monotonicMs())
          ) {
            if (stopping.signal.aborted) return;
            await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
          }
          pacer.take(1, monotonicMs());
        }
        if (stopping.signal.aborted) return;
        enter(source);
        while (isFull() && !stopping.signal.aborted) await handOverNow(Math.ceil(held.length / 2));
      }
    },
    mark(position) {
      progress.finish([progress.enter(position)]);
    },
    tick() {
      const nowMs = monotonicMs();
      for (const [lane, joiner] of joiners) {
        const due = joiner.due(nowMs);
        if (due === null) continue;
        close(due);
        joiners.delete(lane);
      }
      saySuppressed();
      if (handing !== null) return;
      const notYet = held.findIndex(({ sinceMs }) => nowMs - sinceMs < HOLD_MS);
      void handOverNow(notYet < 0 ? held.length : notYet);
    },
    counts: () => ({ lines, records, suppressed }),
    open: () => progress.open,
    async stop() {
      stopping.abort();
      while (handing !== null) await handing;
      for (const joiner of joiners.values()) close(joiner.flush());
      joiners.clear();
      saidAtMs = Number.NEGATIVE_INFINITY;
      saySuppressed();
      await handOverNow(held.length);
    },
  };
}

/** Null for a line without text. */
function recordOf<P>(group: readonly Line<P>[]): LogRecord | null {
  const first = group[0];
  if (first === undefined) return null;
  const whole = [first.message, ...group.slice(1).map(({ text }) => text)].join('\n');
  if (whole.trim() === '') return null;
  const { text, cutBytes } = cutText(whole, MAX_LOG_MESSAGE);
  const gone = cutBytes + group.reduce((sum, { source }) => sum + source.cutBytes, 0);
  const metadata = {
    ...first.metadata,
    ...first.source.metadata,
    ...(gone > 0 ? { truncated_bytes: gone } : {}),
  };
  return {
    timestamp: first.timestamp.toISOString(),
    log_level: first.level ?? 'info',
    service_name: cutText(first.source.service, MAX_SERVICE).text || 'unknown',
    message: text,
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  };
}
