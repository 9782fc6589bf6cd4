/**
 * Measurements on disk until the control plane says that they are committed (DESIGN 6.3). Records are sealed into
 * batches; a batch gets the next number of its `boot_id` (1, 2, 3 … without gaps) when it is first handed out, and
 * never changes from then on. What has no number yet may be thinned or dropped when room runs out; every record that
 * is given up is counted.
 */
import type { MetricRecord, MetricsBatch } from '#contract';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Durability } from '../state.ts';
import { type AckDecision, decideAck, type MetricsAck } from './ack-decision.ts';
import { type Held, holdTables } from './held.ts';
import { OUTBOX_LIMITS, type OutboxLimits, ROOM_SHARE } from './limits.ts';
import { isDamage, moveAside, openOrReplace, openTables } from './tables.ts';

export interface OutboxDepth {
  readonly records: number;
  readonly bytes: number;
  /** Records given up since the outbox was made. */
  readonly dropped: number;
}

export interface Outbox {
  /** Durable against kill -9 on return; a full disk drops and counts instead of throwing. */
  append(records: readonly MetricRecord[]): void;
  /** The batch to send now: the same one until it is acknowledged. Null when nothing is held. */
  next(): MetricsBatch | null;
  acknowledge(ack: MetricsAck): AckDecision;
  /** Starts a new numbering over what is held, for a server whose cursor cannot be met. */
  renumber(): void;
  depth(): OutboxDepth;
  close(): void;
}

export interface OutboxOptions {
  readonly file: string;
  readonly log: Log;
  readonly now: () => Date;
  /** A new `boot_id`. */
  readonly newId: () => string;
  readonly limits?: Partial<OutboxLimits> | undefined;
  readonly durability?: Durability;
}

/** @throws AgentError `state` when another agent holds the file. */
export function openOutbox({
  file,
  log,
  now,
  newId,
  limits: given,
  durability = 'power-cut',
}: OutboxOptions): Outbox {
  const limits: OutboxLimits = { ...OUTBOX_LIMITS, ...given };
  const opened = openOrReplace(file, durability);
  let held = holdTables(opened.database, newId, durability);
  if (opened.damage !== null)
    log.error({ file, reason: opened.damage }, 'outbox damaged; a fresh one is used');

  /** Runs the work; damage found on the way replaces the file. Either way the answer is then `otherwise`. */
  const guarded = <T>(work: () => T, otherwise: T, recordsAtStake = 0): T => {
    try {
      return work();
    } catch (error) {
      log.error({ file, reason: messageOf(error) }, 'outbox cannot be used');
      try {
        if (isDamage(error)) held = replaceDamaged(held, recordsAtStake);
        else held.countDropped(recordsAtStake);
      } catch (second) {
        log.error(
          { file, recordsAtStake, reason: messageOf(second) },
          'outbox is out of order; records are lost',
        );
      }
      return otherwise;
    }
  };
  const replaceDamaged = (damaged: Held, recordsAtStake: number): Held => {
    const { dropped, records } = damaged.totals;
    damaged.close();
    const aside = moveAside(file);
    const fresh = holdTables(openTables(file, durability), newId, durability);
    fresh.countDropped(dropped + records + recordsAtStake);
    log.error({ file, aside, records }, 'outbox damaged; a fresh one is used');
    return fresh;
  };

  return {
    append: (records) =>
      guarded(
        () => {
          const atMs = now().getTime();
          held.append(records, atMs);
          held.sealFull(limits);
          makeRoom(held, limits, atMs, log);
        },
        undefined,
        records.length,
      ),
    next: () =>
      guarded(() => {
        held.dropOlderThan(now().getTime() - limits.maxAgeMs);
        return held.next(limits);
      }, null),
    acknowledge: (ack) =>
      guarded<AckDecision>(() => {
        const decision = decideAck(held.numbering(), ack);
        if (decision === 'forget') held.forget();
        return decision;
      }, 'ignore'),
    renumber: () => guarded(() => held.renumber(newId()), undefined),
    depth: () => ({ ...held.totals }),
    close: () => held.close(),
  };
}

/** First thins 10:1 what has no number, oldest first; when all is thin, drops the oldest. */
function makeRoom(held: Held, limits: OutboxLimits, atMs: number, log: Log): void {
  const before = held.totals.dropped;
  held.dropOlderThan(atMs - limits.maxAgeMs);
  if (held.totals.bytes > limits.maxBytes) {
    let isFreed = true;
    while (isFreed && held.totals.bytes > limits.maxBytes * ROOM_SHARE) {
      isFreed = held.thinOldest() || held.dropOldest();
    }
  }
  const dropped = held.totals.dropped - before;
  if (dropped > 0)
    log.warn({ dropped, bytes: held.totals.bytes }, 'outbox full or too old; measurements given up');
}
