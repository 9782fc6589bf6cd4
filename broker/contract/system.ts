/** Messages between the platform's own services; devices and integrators can neither read nor write them. */
import { type Static, Type } from 'typebox';
import { ORG_SLUG } from './identity.ts';

/** Most serials in one message: 5,000 × 43 bytes stays under the 256 KiB frame limit. */
export const MAX_SERIALS_PER_MESSAGE = 5000;

/** Most organisations in one message, beside the serials: 1,000 × 30 bytes more. */
export const MAX_SUSPENDED_PER_MESSAGE = 1000;

const Serial = Type.String({ pattern: '^[0-9a-f]{2,40}$' });

/**
 * The control plane tells brokers which certificates are revoked and not yet expired, and which organisations are
 * suspended: nobody of these may connect.
 * `snapshot` parts replace the list once all `parts` of one `generation` have arrived; `added` extends it at once.
 * A broker lets no device or integrator in before its first complete snapshot.
 */
export const Revocations = Type.Object({
  kind: Type.Enum(['snapshot', 'added']),
  generation: Type.String({ maxLength: 64 }),
  part: Type.Integer({ minimum: 1 }),
  parts: Type.Integer({ minimum: 1 }),
  serials: Type.Array(Serial, { maxItems: MAX_SERIALS_PER_MESSAGE }),
  suspended_orgs: Type.Optional(
    Type.Array(Type.String({ pattern: ORG_SLUG.source }), { maxItems: MAX_SUSPENDED_PER_MESSAGE }),
  ),
});
export type Revocations = Static<typeof Revocations>;

/** Why the broker refused something; one closed list, counted per reason. */
export const REFUSAL_REASONS = [
  'identity.unknown',
  'identity.client_id',
  'identity.revoked',
  'identity.suspended',
  'identity.takeover_rate',
  'identity.not_ready',
  'session.persistent',
  'session.bridge',
  'will.topic',
  'publish.topic',
  'publish.retained_limit',
  'subscribe.topic',
  'subscribe.limit',
  'rate.device',
  'rate.org',
  'rate.connect',
  'frame.too_large',
  'frame.malformed',
  'frame.slow',
  'connections.limit',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Refusals since the last report, folded by device and reason. */
export const RefusalReport = Type.Object({
  refusals: Type.Array(
    Type.Object({
      org: Type.Union([Type.String(), Type.Null()]),
      device: Type.Union([Type.String(), Type.Null()]),
      reason: Type.Enum([...REFUSAL_REASONS]),
      detail: Type.String({ maxLength: 300, description: 'The topic or filter, escaped and cut.' }),
      count: Type.Integer({ minimum: 1 }),
    }),
    { maxItems: 500 },
  ),
});
export type RefusalReport = Static<typeof RefusalReport>;
