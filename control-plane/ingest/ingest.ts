/** Ingest: messages in, committed outcomes out. The control-plane process and the web process each run one. */
import type { Database } from '#db';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { BatcherFullError, BatcherStoppedError, createBatcher } from './batcher.ts';
import { createCommitter } from './commit.ts';
import { createDeadLetterSampler, type DeadLetterSampler } from './dead-letters.ts';
import { type IngestMessage, weightOf } from './message.ts';
import type { Outcome, OutcomeKind } from './plan.ts';
import { startSeenDevices } from './seen.ts';

/** Messages in one transaction. */
export const BATCH_MAX_MESSAGES = 500;
/** Rows in one transaction: about 0.2 s of the database. */
export const BATCH_MAX_ROWS = 10_000;
/** Wait of the first message for company. */
export const BATCH_MAX_AGE_MS = 10;
/** Rows that wait in memory, at about 0.5 kB each; more is refused. */
export const QUEUE_MAX_ROWS = 60_000;
/** Above the first no more is read, until it has fallen to the second. */
const READ_STOP_ROWS = 20_000;
const READ_AGAIN_ROWS = 10_000;
const RETRY_FIRST_MS = 100;
const RETRY_LONGEST_MS = 2000;
/** About twice a minute while it lasts. */
const LOG_EVERY_ATTEMPTS = 20;

export interface Ingest {
  /**
   * Resolves once the message is committed (or known to be of no use).
   * @throws AppError 'service.unavailable' when the queue is full or stopped, and, without retry, when the database is.
   */
  submit(message: IngestMessage): Promise<Outcome>;
  /** Null where more may be read now; otherwise resolves once it may. This is the back-pressure. */
  whenReady(): Promise<void> | null;
  /** Since when the database has not answered; null while it does. */
  readonly pausedSince: Date | null;
  /** Since when it has answered without a break; null while it does not. */
  readonly answeringSince: Date | null;
  /** Messages by outcome, since the start. */
  readonly counts: Readonly<Record<OutcomeKind, number>>;
  readonly deadLetters: DeadLetterSampler;
  stop(): Promise<void>;
}

export interface IngestDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now?: () => Date;
  readonly random?: () => number;
  /** True for MQTT: a batch is tried until the database answers. False for HTTPS: the caller hears of it at once. */
  readonly retry: boolean;
}

export function startIngest(deps: IngestDeps): Ingest {
  const { database, log, now = () => new Date(), random = Math.random, retry } = deps;
  const deadLetters = createDeadLetterSampler(now);
  const seen = startSeenDevices({ database, log, now });
  const committer = createCommitter({ database, deadLetters, onSeen: seen.add });
  const counts: Record<OutcomeKind, number> = {
    committed: 0,
    duplicate: 0,
    gap: 0,
    stale: 0,
    unknown_device: 0,
    dead_lettered: 0,
  };
  const stopping = new AbortController();
  let pausedSince: Date | null = null;
  let answeringSince: Date | null = now();
  let recovery = Promise.withResolvers<void>();

  function pauseReading(error: unknown, messages: number, attempt: number): void {
    if (attempt % LOG_EVERY_ATTEMPTS === 0) {
      log.warn({ err: error, messages, attempt, pausedSince }, 'batch not committed');
    }
    if (pausedSince !== null) return;
    pausedSince = now();
    answeringSince = null;
    recovery = Promise.withResolvers<void>();
  }

  function resumeReading(): void {
    if (pausedSince === null) return;
    log.info({ pausedSince }, 'the database answers again');
    pausedSince = null;
    answeringSince = now();
    recovery.resolve();
  }

  async function run(messages: readonly IngestMessage[]): Promise<readonly Outcome[]> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const outcomes = await committer.commit(messages);
        resumeReading();
        for (const { kind } of outcomes) counts[kind] += 1;
        return outcomes;
      } catch (error) {
        pauseReading(error, messages.length, attempt);
        if (!retry || stopping.signal.aborted) throw unavailable(error);
        const backoffMs = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** attempt);
        await pause(backoffMs * (0.5 + random() / 2), stopping.signal);
        if (stopping.signal.aborted) throw unavailable(error);
      }
    }
  }

  const batcher = createBatcher<IngestMessage, Outcome>({
    run,
    maxItems: BATCH_MAX_MESSAGES,
    maxWeight: BATCH_MAX_ROWS,
    maxAgeMs: BATCH_MAX_AGE_MS,
    capacityWeight: QUEUE_MAX_ROWS,
    weigh: weightOf,
  });

  return {
    async submit(message) {
      try {
        return await batcher.submit(message);
      } catch (error) {
        const isOurs = error instanceof BatcherFullError || error instanceof BatcherStoppedError;
        throw isOurs ? unavailable(error) : error;
      }
    },
    whenReady() {
      if (pausedSince !== null) return recovery.promise;
      return batcher.weight > READ_STOP_ROWS ? batcher.whenAtMost(READ_AGAIN_ROWS) : null;
    },
    get pausedSince() {
      return pausedSince;
    },
    get answeringSince() {
      return answeringSince;
    },
    counts,
    deadLetters,
    async stop() {
      // One more try for what waits, then its callers hear that it was not committed.
      stopping.abort();
      await batcher.stop();
      recovery.resolve();
      await seen.stop();
    },
  };
}

const unavailable = (cause: unknown): AppError =>
  cause instanceof AppError ? cause : new AppError('service.unavailable', { cause, retryAfterSeconds: 5 });

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
