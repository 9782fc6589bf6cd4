/** Streams logs and measurements while somebody holds a lease, and does nothing without one. */
import { performance } from 'node:perf_hooks';
import type { Control, LogRecord, MetricRecord, PayloadOf } from '#contract';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { rankOf } from '../logs/log-feed.ts';
import type { LogView } from '../logs/shipper.ts';
import { applyControl, type Leases, lowestLevel, shortestIntervalMs, withoutExpired } from './leases.ts';
import { newestThatFit } from './live-batch.ts';
import { createLiveStream } from './live-stream.ts';

/** Lines of this long go out together; leases end this exactly. */
const BATCH_MS = 250;

export type LiveChannel = 'live/logs' | 'live/metrics';

export interface LiveOptions {
  /** False where it could not be sent: no session, or a full socket. It is not kept for later. Must not throw. */
  readonly publish: <C extends LiveChannel>(channel: C, payload: PayloadOf<C>) => boolean | Promise<boolean>;
  readonly logs: LogView;
  readonly sampleMetrics: () => Promise<readonly MetricRecord[]>;
  readonly log: Log;
  /** Milliseconds that never jump; default: since the process started. */
  readonly now?: () => number;
}

export interface Live {
  /** Starts, renews or ends a lease. */
  control(message: Control): void;
  /** The link is gone: all leases end, viewers ask again. */
  sessionEnded(): void;
  stop(): void;
}

export function createLive(options: LiveOptions): Live {
  const { publish, logs, sampleMetrics, log, now = () => performance.now() } = options;
  const lines = createLiveStream<LogRecord>((message) => publish('live/logs', message));
  const points = createLiveStream<MetricRecord>((message) => publish('live/metrics', message));
  let leases: Leases = new Map();
  let lowestRank = 0;
  let unsubscribe: (() => void) | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isGreetingDue = false;
  let isSampling = false;
  let sampledAtMs = Number.NEGATIVE_INFINITY;

  const offer = (record: LogRecord): void => {
    if (rankOf(record.log_level) >= lowestRank) lines.add(record);
  };
  const listen = (): void => {
    const level = lowestLevel(leases);
    if (level !== null) {
      lowestRank = rankOf(level);
      unsubscribe ??= logs.subscribe(offer);
      return;
    }
    unsubscribe?.();
    unsubscribe = null;
    isGreetingDue = false;
    lines.clear();
  };
  /** Begins and ends listening, sampling and the timer as the leases say. */
  const settle = (next: Leases): void => {
    leases = next;
    listen();
    if (shortestIntervalMs(leases) === null) {
      points.clear();
      sampledAtMs = Number.NEGATIVE_INFINITY;
    }
    if (leases.size > 0) timer ??= setInterval(tick, BATCH_MS);
    else if (timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  };
  const sample = async (): Promise<void> => {
    isSampling = true;
    try {
      const records = await sampleMetrics();
      // The last viewer may have gone meanwhile.
      if (shortestIntervalMs(leases) === null) return;
      for (const record of records) points.add(record);
      points.flush();
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'live measurements failed');
    } finally {
      isSampling = false;
    }
  };
  const tick = (): void => {
    const nowMs = now();
    settle(withoutExpired(leases, nowMs));
    // By now the first lines are there, where there are any.
    if (isGreetingDue) lines.greet();
    else lines.flush();
    isGreetingDue = false;
    const intervalMs = shortestIntervalMs(leases);
    if (intervalMs === null || isSampling || nowMs - sampledAtMs < intervalMs) return;
    sampledAtMs = nowMs;
    void sample();
  };
  /** Viewers that look on already see these lines again. */
  const replay = (count: number): void => {
    const wanted = logs.tail(count).filter(({ log_level: level }) => rankOf(level) >= lowestRank);
    for (const record of newestThatFit(wanted)) lines.add(record);
    lines.flush();
    if (wanted.length > 0) isGreetingDue = false;
  };

  return {
    control(message) {
      const change = applyControl(leases, message, now());
      if (change.isRefused) log.warn({ lease: message.lease_id }, 'live lease refused: too many');
      // What waits to be sent lies in the buffer as well.
      if (change.replay > 0) lines.flush();
      settle(change.leases);
      isGreetingDue ||= change.isNewLogs;
      if (change.replay > 0) replay(change.replay);
    },
    sessionEnded: () => settle(new Map()),
    stop: () => settle(new Map()),
  };
}
