/** What the control plane says once a device's message is committed in PostgreSQL (DESIGN §1.2). */
import { type Static, Type } from 'typebox';
import { STREAMS } from './batch.ts';

export const ACK_STREAMS = ['heartbeat', ...STREAMS] as const;

/**
 * For `events`, `logs` and `metrics`: every batch of `boot_id` up to `seq` is committed; 0 = none is known, so send from the first.
 * For `heartbeat`: the beat `seq` of session `boot_id` (= the epoch as text) is committed.
 */
export const Ack = Type.Object(
  {
    stream: Type.Enum([...ACK_STREAMS]),
    boot_id: Type.String({ maxLength: 64 }),
    seq: Type.Integer({ minimum: 0 }),
    auth_token: Type.Optional(
      Type.String({
        maxLength: 4096,
        description: 'A new JWT, sent with the first beat of a session and before the old one ends.',
      }),
    ),
    auth_token_expires_at: Type.Optional(Type.String({ format: 'date-time' })),
    retry_after_ms: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 3_600_000, description: 'Wait this long before the next batch.' }),
    ),
  },
  {
    title: 'Ack',
    examples: [{ stream: 'metrics', boot_id: '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d', seq: 41 }],
  },
);
export type Ack = Static<typeof Ack>;
