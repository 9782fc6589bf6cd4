/** hello, goodbye and the last will of a device, retained on `up/presence` (DESIGN 6.1). */
import { type Static, Type } from 'typebox';

export const PRESENCE_KINDS = ['hello', 'goodbye', 'lost'] as const;

/** `lost` is the last will: the broker says it when the link breaks without a goodbye. */
export const PresenceMessage = Type.Object(
  {
    kind: Type.Enum([...PRESENCE_KINDS]),
    session_epoch: Type.Integer({ minimum: 0, description: 'A message of an older epoch is ignored.' }),
    reason: Type.Optional(
      Type.String({ maxLength: 100, description: 'Of a goodbye: shutdown, restart, update, renewal …' }),
    ),
    agent_version: Type.Optional(Type.String({ maxLength: 50 })),
    certificate_serial: Type.Optional(Type.String({ pattern: '^[0-9a-f]{2,40}$' })),
    sent_at: Type.Optional(Type.String({ format: 'date-time' })),
  },
  {
    title: 'Presence',
    examples: [
      { kind: 'hello', session_epoch: 8, agent_version: '0.1.0' },
      { kind: 'goodbye', session_epoch: 8, reason: 'shutdown' },
      { kind: 'lost', session_epoch: 8 },
    ],
  },
);
export type PresenceMessage = Static<typeof PresenceMessage>;
