/** Sends the outbox, one batch at a time, again and again until the control plane acknowledges it. */
import type { Ack, MetricsBatch } from '#contract';
import type { Log } from '../log.ts';
import type { Outbox } from './outbox.ts';

/** Without an acknowledgement a batch is sent again after this long. */
export const RESEND_AFTER_MS = 10_000;
/** Shortest time between two batches: a backlog of days must not crowd out live data, ours or another device's. */
export const BATCH_INTERVAL_MS = 50;
/** A cursor that cannot be met must be said this often in a row; a single late acknowledgement is no proof. */
const RENUMBER_AFTER = 2;

export interface SenderOptions {
  readonly outbox: Outbox;
  readonly log: Log;
  readonly resendAfterMs?: number | undefined;
  readonly publish: (batch: MetricsBatch) => void;
}

export interface Sender {
  /** A session is there: whatever was on its way is sent again. */
  start(): void;
  /** The session is gone. */
  pause(): void;
  /** Something was appended. */
  wake(): void;
  acknowledged(ack: Ack): void;
}

export function createSender({
  outbox,
  log,
  publish,
  resendAfterMs = RESEND_AFTER_MS,
}: SenderOptions): Sender {
  let isOnline = false;
  let isWaiting = false;
  let misses = 0;
  let timer: NodeJS.Timeout | undefined;

  const schedule = (delayMs: number): void => {
    clearTimeout(timer);
    timer = setTimeout(send, delayMs);
  };
  const send = (): void => {
    if (!isOnline) return;
    const batch = outbox.next();
    isWaiting = batch !== null;
    if (batch === null) return;
    publish(batch);
    schedule(resendAfterMs);
  };

  return {
    start() {
      isOnline = true;
      isWaiting = true;
      schedule(0);
    },
    pause() {
      isOnline = false;
      isWaiting = false;
      clearTimeout(timer);
    },
    wake() {
      if (!isOnline || isWaiting) return;
      isWaiting = true;
      schedule(BATCH_INTERVAL_MS);
    },
    acknowledged(ack) {
      const decision = outbox.acknowledge(ack);
      if (decision === 'ignore') return;
      misses = decision === 'renumber' ? misses + 1 : 0;
      if (misses >= RENUMBER_AFTER) {
        misses = 0;
        outbox.renumber();
        log.warn({ ackedSeq: ack.seq }, 'the server lacks batches that it had; numbering starts anew');
      }
      // A plain `resend` keeps its timer: it may be the echo of the batch before.
      if (!isOnline || (decision === 'resend' && ack.retry_after_ms === undefined)) return;
      isWaiting = true;
      schedule(Math.max(BATCH_INTERVAL_MS, ack.retry_after_ms ?? 0));
    },
  };
}
