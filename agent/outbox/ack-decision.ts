/** What an acknowledgement of the stream means for what is held. Pure. */

export interface Numbering {
  readonly bootId: string;
  /** Last number that was given to a batch; 0 = none. */
  readonly lastSeq: number;
  /** The batch of `lastSeq` is not acknowledged yet. At most one is on its way. */
  readonly isWaiting: boolean;
}

export interface BatchAck {
  readonly boot_id: string;
  readonly seq: number;
}

/**
 * `forget`: the batch on its way is committed. `resend`: the server waits for exactly that batch. `renumber`: the
 * server's cursor cannot be met by what is held (it came back from an older backup, or we did). `ignore`: the
 * acknowledgement of another numbering.
 */
export const ACK_DECISIONS = ['forget', 'resend', 'renumber', 'ignore'] as const;
export type AckDecision = (typeof ACK_DECISIONS)[number];

export function decideAck({ bootId, lastSeq, isWaiting }: Numbering, ack: BatchAck): AckDecision {
  if (ack.boot_id !== bootId) return 'ignore';
  if (ack.seq === lastSeq) return isWaiting ? 'forget' : 'ignore';
  return isWaiting && ack.seq === lastSeq - 1 ? 'resend' : 'renumber';
}
