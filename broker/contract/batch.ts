/** What every batch of the outbox has around its records. */
import { Type } from 'typebox';

/** Most records in one batch; at 200 bytes each a batch stays under the 256 KiB frame limit. */
export const MAX_BATCH_RECORDS = 1000;

/** Classes of the outbox, from the most to the least precious; each is a stream of its own. */
export const STREAMS = ['events', 'logs', 'metrics'] as const;
export type Stream = (typeof STREAMS)[number];

export const BootId = Type.String({
  pattern: '^[0-9a-zA-Z-]{8,64}$',
  description: 'Names one numbering of batches.',
});
export const BatchSeq = Type.Integer({ minimum: 1, description: 'From 1, without gaps within a boot_id.' });

/**
 * The numbers come together or not at all: numbered, the content of a number never changes and is stored exactly once;
 * without them a batch is stored at least once and not acknowledged.
 */
export const BATCH_FIELDS = {
  boot_id: Type.Optional(BootId),
  seq: Type.Optional(BatchSeq),
  sent_at: Type.Optional(
    Type.String({
      format: 'date-time',
      description:
        'Device clock at this sending. Two minutes or more off our clock: times are corrected by the difference, and flagged.',
    }),
  ),
  backfill: Type.Optional(
    Type.Boolean({ description: 'Held back while there was no link; raises no alert.' }),
  ),
};

/** Any batch before its records are looked at, so that a bad record costs only itself. */
export const BatchEnvelope = Type.Object({
  ...BATCH_FIELDS,
  records: Type.Array(Type.Unknown(), { minItems: 1, maxItems: MAX_BATCH_RECORDS }),
});

/** A batch with its number: what an outbox sends. */
export type Sealed<B> = B & { readonly boot_id: string; readonly seq: number };
