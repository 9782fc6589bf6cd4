/** Bounds of the outbox, each with its reason. */
import { MAX_BATCH_RECORDS } from '#contract';

export interface OutboxLimits {
  /** Bytes of payload held at most; the file is a little larger. */
  readonly maxBytes: number;
  /** Records older than this are given up. */
  readonly maxAgeMs: number;
  readonly batchRecords: number;
  readonly batchBytes: number;
}

export const OUTBOX_LIMITS: OutboxLimits = {
  maxBytes: 256 * 1024 * 1024,
  maxAgeMs: 7 * 24 * 3_600_000,
  // Half the contract's bound: a batch is committed in one go and acked within the beat.
  batchRecords: MAX_BATCH_RECORDS / 2,
  // Under the broker's 256 KiB frame limit, envelope and topic included.
  batchBytes: 200 * 1024,
};

/** Making room frees down to this share of `maxBytes`, so that it does not run at every append. */
export const ROOM_SHARE = 0.9;
