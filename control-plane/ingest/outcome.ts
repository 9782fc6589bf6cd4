/** What became of one message. Pure. */
import type { Ack } from '#contract';
import type { Address } from './message.ts';
import type { Prepared } from './rows.ts';

export const OUTCOMES = [
  'committed',
  /** Stored before; acknowledged again. */
  'duplicate',
  /** Not stored: `ack` says where to go on. */
  'gap',
  /** Of an older or ended session. */
  'stale',
  'unknown_device',
  /** An operator switched the device off; not acknowledged. */
  'disabled',
  /** Nothing of it could be stored. */
  'dead_lettered',
] as const;
export type OutcomeKind = (typeof OUTCOMES)[number];

/** True only after the commit. */
export interface Outcome {
  readonly kind: OutcomeKind;
  readonly deviceId: string | null;
  readonly orgId: string | null;
  /** To be sent down to the device; null where there is nothing to say. */
  readonly ack: Ack | null;
  /** Of a batch that was new. */
  readonly prepared: Prepared | null;
}

export const outcomeOf = (
  kind: OutcomeKind,
  device: { readonly deviceId: string; readonly orgId: string } | null,
  ack: Ack | null = null,
): Outcome => ({
  kind,
  deviceId: device?.deviceId ?? null,
  orgId: device?.orgId ?? null,
  ack,
  prepared: null,
});

export const addressKey = ({ org, device }: Address): string => `${org}/${device}`;
