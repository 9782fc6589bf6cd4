/** Bounds of the outbox, each with its reason. */
import { MAX_BATCH_RECORDS, type Stream } from '#contract';

export interface ClassLimits {
  /** What this class may hold when the others want room, too; while there is room it may hold more. */
  readonly maxBytes: number;
  /** Records older than this are given up. */
  readonly maxAgeMs: number;
}

export interface OutboxLimits {
  /** Bytes of payload held at most by all classes together; the file is a little larger. */
  readonly maxBytes: number;
  readonly classes: Readonly<Record<Stream, ClassLimits>>;
  readonly batchRecords: number;
  readonly batchBytes: number;
}

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

export const OUTBOX_LIMITS: OutboxLimits = {
  maxBytes: 256 * MIB,
  classes: {
    events: { maxBytes: 16 * MIB, maxAgeMs: 30 * DAY_MS },
    logs: { maxBytes: 120 * MIB, maxAgeMs: 7 * DAY_MS },
    metrics: { maxBytes: 120 * MIB, maxAgeMs: 7 * DAY_MS },
  },
  // Half the contract's bound: a batch is committed in one go and acked within the beat.
  batchRecords: MAX_BATCH_RECORDS / 2,
  // Under the broker's 256 KiB frame limit, envelope and topic included.
  batchBytes: 200 * 1024,
};

/** Making room frees down to this share of `maxBytes`, so that it does not run at every append, nor for long at one. */
export const ROOM_SHARE = 0.97;
