/** Exactly once without a unique index: what a numbered batch means at a cursor (DESIGN 6.2). Pure. */

export interface SequenceStep {
  /** `duplicate` is acknowledged again, `gap` is not stored: the ack's cursor says where to go on. */
  readonly kind: 'store' | 'duplicate' | 'gap';
  /** Highest contiguous number committed once this step is. */
  readonly cursor: number;
}

/** Batches of one boot id are 1, 2, 3 … without gaps; `cursor` 0 = none is known. */
export function planSequence(cursor: number, seq: number): SequenceStep {
  if (seq <= cursor) return { kind: 'duplicate', cursor };
  return seq === cursor + 1 ? { kind: 'store', cursor: seq } : { kind: 'gap', cursor };
}
