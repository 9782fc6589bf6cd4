/** Ingest: messages in, committed outcomes out. The control-plane process and the web process each run one. */
import type { Database } from '#db';
import type { Logger } from '../log.ts';
import type { TelemetryCache } from '../settings-delivery/telemetry-cache.ts';
import { BatcherFullError, BatcherStoppedError, createBatcher } from './batcher.ts';
import { createBatchCommitter } from './commit-batches.ts';
import { createBeatCommitter } from './commit-beats.ts';
import { createDeadLetterSampler, type DeadLetterSampler } from './dead-letters.ts';
import { type BatchMessage, type IngestMessage, type SignMessage, weightOf } from './message.ts';
import { startIngestMinutes } from './minutes.ts';
import { startNewTypes } from './new-types.ts';
import { OUTCOMES, type Outcome, type OutcomeKind } from './outcome.ts';
import { noRejections, type RejectionCounts } from './reasons.ts';
import { createRetry, unavailable } from './retry.ts';
import { startSeenDevices } from './seen.ts';

/** Beats: few rows, written soon, for people look at them. */
const BEATS_LANE = { maxItems: 500, maxWeight: 500, maxAgeMs: 10, capacityWeight: 20_000 } as const;
/**
 * Batches: a transaction costs about as much as a hundred rows, so they wait for company, and again after each
 * transaction while there are few. 10,000 rows are about 0.1 s of the database; 60,000 about 100 MB of ours.
 */
const BATCHES_LANE = {
  maxItems: 2000,
  maxWeight: 10_000,
  maxAgeMs: 100,
  lingerWeight: 4000,
  capacityWeight: 60_000,
} as const;
/** Above the first no more is read, until it has fallen to the second. */
const READ_STOP_ROWS = 20_000;
const READ_AGAIN_ROWS = 10_000;
const BEATS_STOP = 10_000;
const BEATS_AGAIN = 5000;

export interface Ingest {
  /**
   * Resolves once the message is committed (or known to be of no use).
   * @throws AppError 'service.unavailable' when the queue is full or stopped, and, without retry, when the database is.
   */
  submit(message: IngestMessage): Promise<Outcome>;
  /** The same for a caller that hears by `onCommitted`. False where it was not taken, and so not acknowledged. */
  offer(message: IngestMessage): boolean;
  /** Null where more may be read now; otherwise resolves once it may. This is the back-pressure. */
  whenReady(): Promise<void> | null;
  /** Since when the database has not answered; null while it does. */
  readonly pausedSince: Date | null;
  /** Since when it has answered without a break; null while it does not. */
  readonly answeringSince: Date | null;
  /** Messages by outcome, since the start. */
  readonly counts: Readonly<Record<OutcomeKind, number>>;
  /** Records by the reason for which they were refused, since the start. */
  readonly rejections: Readonly<RejectionCounts>;
  /** Records whose time was corrected or replaced, since the start. */
  readonly retimed: number;
  readonly deadLetters: DeadLetterSampler;
  stop(): Promise<void>;
}

export interface IngestDeps {
  readonly database: Database;
  readonly telemetry: TelemetryCache;
  readonly log: Logger;
  readonly now?: () => Date;
  readonly random?: () => number;
  /** True for MQTT: a batch is tried until the database answers. False for HTTPS: the caller hears of it at once. */
  readonly retry: boolean;
  /** After each commit: the messages of one transaction and what became of them. Must not throw. */
  readonly onCommitted?: (messages: readonly IngestMessage[], outcomes: readonly Outcome[]) => void;
}

export function startIngest(deps: IngestDeps): Ingest {
  const { database, telemetry, log, now = () => new Date(), random = Math.random } = deps;
  const deadLetters = createDeadLetterSampler(now);
  const seen = startSeenDevices({ database, log, now });
  const minutes = startIngestMinutes({ database, log });
  const newTypes = startNewTypes({ database, log, now });
  const commitBeats = createBeatCommitter({ database, telemetry, deadLetters, onSeen: seen.add });
  const commitBatches = createBatchCommitter({ database, telemetry, deadLetters });
  const counts = Object.fromEntries(OUTCOMES.map((kind) => [kind, 0])) as Record<OutcomeKind, number>;
  const rejections = noRejections();
  let retimed = 0;
  const retry = createRetry({ isOn: deps.retry, log, now, random });

  function tell(messages: readonly IngestMessage[], outcomes: readonly Outcome[]): void {
    for (const { kind } of outcomes) counts[kind] += 1;
    deps.onCommitted?.(messages, outcomes);
  }

  function noteBatches(messages: readonly BatchMessage[], outcomes: readonly Outcome[]): void {
    tell(messages, outcomes);
    minutes.note(messages, outcomes, now());
    for (const { prepared, orgId } of outcomes) {
      if (prepared === null) continue;
      retimed += prepared.retimed;
      for (const { code } of prepared.rejected) rejections[code] += 1;
      if (prepared.newTypes.size > 0 && orgId !== null) newTypes.note(orgId, prepared.newTypes);
    }
  }

  const onFailure = (messages: readonly IngestMessage[], error: unknown): void => {
    // Not committed, so not acknowledged: devices send again.
    log.debug({ err: error, messages: messages.length }, 'messages not committed');
  };
  const beats = createBatcher<SignMessage, Outcome>({
    ...BEATS_LANE,
    run: (messages) => retry.run(messages.length, () => commitBeats(messages)),
    onResults: tell,
    onFailure,
    weigh: () => 1,
  });
  const batches = createBatcher<BatchMessage, Outcome>({
    ...BATCHES_LANE,
    run: (messages) => retry.run(messages.length, () => commitBatches(messages)),
    onResults: noteBatches,
    onFailure,
    weigh: weightOf,
  });

  return {
    async submit(message) {
      try {
        return await (message.kind === 'batch' ? batches.submit(message) : beats.submit(message));
      } catch (error) {
        const isOurs = error instanceof BatcherFullError || error instanceof BatcherStoppedError;
        throw isOurs ? unavailable(error) : error;
      }
    },
    offer: (message) => (message.kind === 'batch' ? batches.offer(message) : beats.offer(message)),
    whenReady() {
      const recovery = retry.whenAnswering();
      if (recovery !== null) return recovery;
      if (batches.weight > READ_STOP_ROWS) return batches.whenAtMost(READ_AGAIN_ROWS);
      return beats.weight > BEATS_STOP ? beats.whenAtMost(BEATS_AGAIN) : null;
    },
    get pausedSince() {
      return retry.pausedSince;
    },
    get answeringSince() {
      return retry.answeringSince;
    },
    counts,
    rejections,
    get retimed() {
      return retimed;
    },
    deadLetters,
    async stop() {
      // One more try for what waits, then its callers hear that it was not committed.
      retry.stop();
      await Promise.all([beats.stop(), batches.stop()]);
      await Promise.all([seen.stop(), minutes.stop(), newTypes.stop()]);
    },
  };
}
