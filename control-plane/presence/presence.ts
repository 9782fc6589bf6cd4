/** Presence of one device as a pure function: `(state, event, now) → next state and change` (DESIGN 6.1). */
import type { Heartbeat } from '#contract';
import type { Observation, PresenceChange, PresenceState } from '#db';

/**
 * A device without a beat for this long is offline, whatever TCP says: two beats of 30 s ± jitter and 15 s of grace.
 * There is no `degraded` step before: one late beat must not make the list flicker.
 */
export const SILENCE_MS = 75_000;

export type PresenceEvent =
  | { readonly kind: 'hello'; readonly epoch: number }
  | { readonly kind: 'goodbye'; readonly epoch: number; readonly reason: string | null }
  /** The last will. */
  | { readonly kind: 'lost'; readonly epoch: number }
  | {
      readonly kind: 'heartbeat';
      readonly via: 'mqtt' | 'https';
      /** Null over HTTPS, and from a plain MQTT client that keeps no sessions. */
      readonly epoch: number | null;
      readonly status: Heartbeat['status'];
    }
  /** The clock says so; ignored where the device was heard of since. */
  | { readonly kind: 'silence' }
  | { readonly kind: 'revoked' };

export interface PresenceDecision {
  /** The same object where nothing changed. */
  readonly next: PresenceState;
  readonly change: PresenceChange | null;
  /** False for an event of an older or ended session, which says nothing about the device. */
  readonly accepted: boolean;
}

/**
 * What an event makes of a device. A session is `sessionEpoch`; it begins with the first hello or beat of a higher
 * epoch and ends once, by goodbye, will or revocation: what arrives of it later (reordered) does not bring it back.
 * Source: SEMANTICS 4.6.
 */
export function decidePresence(state: PresenceState, event: PresenceEvent, now: Date): PresenceDecision {
  switch (event.kind) {
    case 'hello':
      return decideHello(state, event.epoch, now);
    case 'goodbye':
      return decideEnd(state, event.epoch, event.reason ?? 'unspecified', now);
    case 'lost':
      return decideEnd(state, event.epoch, null, now);
    case 'heartbeat':
      return decideBeat(state, event, now);
    case 'silence':
      return decideSilence(state, now);
    case 'revoked':
      return move({ ...state, connected: false }, state, 'offline', 'revoked', now);
  }
}

/** For a device that is enrolled anew: it may count its sessions from 1 again, which would be ignored as old otherwise. */
export const forgetSession = (state: PresenceState): PresenceState => ({
  ...state,
  sessionEpoch: 0,
  connected: false,
  goodbyeReason: null,
});

function decideHello(state: PresenceState, epoch: number, now: Date): PresenceDecision {
  if (isPast(state, epoch)) return ignored(state);
  if (isOpen(state, epoch)) return unchanged(state);
  const next = { ...state, sessionEpoch: epoch, connected: true, goodbyeReason: null };
  // `degraded` and `error` are the device's own words or a missing link: the first beat, which follows at once, settles them.
  const isBack = state.observation === 'never_seen' || state.observation === 'offline';
  return move(next, state, isBack ? 'online' : state.observation, 'hello', now);
}

function decideEnd(
  state: PresenceState,
  epoch: number,
  goodbyeReason: string | null,
  now: Date,
): PresenceDecision {
  if (isPast(state, epoch)) {
    // A goodbye overtaken by the will of its own session still says why.
    const explains = goodbyeReason !== null && epoch === state.sessionEpoch && state.goodbyeReason === null;
    return explains ? { ...unchanged(state), next: { ...state, goodbyeReason } } : ignored(state);
  }
  const next = { ...state, sessionEpoch: epoch, connected: false, goodbyeReason };
  return move(next, state, 'offline', goodbyeReason === null ? 'last_will' : `goodbye:${goodbyeReason}`, now);
}

function decideBeat(
  state: PresenceState,
  event: Extract<PresenceEvent, { kind: 'heartbeat' }>,
  now: Date,
): PresenceDecision {
  const { epoch, via } = event;
  const lastHeartbeatAt = laterOf(state.lastHeartbeatAt, now);
  if (via === 'mqtt' && epoch !== null) {
    if (isPast(state, epoch)) return ignored(state);
    const next = { ...state, sessionEpoch: epoch, connected: true, goodbyeReason: null, lastHeartbeatAt };
    return move(next, state, claimed(event.status), 'heartbeat', now);
  }
  const hasLink = via === 'mqtt' || state.connected;
  const seen = claimed(event.status);
  return move(
    { ...state, lastHeartbeatAt },
    state,
    seen === 'online' && !hasLink ? 'degraded' : seen,
    hasLink ? 'heartbeat' : 'heartbeat:https_only',
    now,
  );
}

function decideSilence(state: PresenceState, now: Date): PresenceDecision {
  if (state.observation === 'never_seen' || state.observation === 'offline') return unchanged(state);
  const heard = laterOf(state.lastHeartbeatAt, state.since);
  if (heard !== null && now.getTime() - heard.getTime() < SILENCE_MS) return unchanged(state);
  // The session stays open: the next beat of the same epoch brings the device back.
  return move(state, state, 'offline', 'silence', now);
}

/** Of an older session, or of the present one after its end. Epoch 0 of a fresh row is no session. */
const isPast = (state: PresenceState, epoch: number): boolean =>
  epoch < state.sessionEpoch || (epoch === state.sessionEpoch && !state.connected && epoch > 0);

const isOpen = (state: PresenceState, epoch: number): boolean =>
  state.connected && epoch === state.sessionEpoch;

/** `maintenance` is the operator's intent, kept elsewhere: such a device is simply there. */
const claimed = (status: Heartbeat['status']): Observation =>
  status === 'error' || status === 'degraded' ? status : 'online';

const laterOf = <T extends Date | null>(left: Date | null, right: T): Date | T =>
  left !== null && (right === null || left.getTime() > right.getTime()) ? left : right;

const unchanged = (state: PresenceState): PresenceDecision => ({ next: state, change: null, accepted: true });
const ignored = (state: PresenceState): PresenceDecision => ({ next: state, change: null, accepted: false });

function move(
  next: PresenceState,
  state: PresenceState,
  to: Observation,
  reason: string,
  now: Date,
): PresenceDecision {
  // Nothing was ever seen of it, so there is nothing to lose either.
  const isNews = to !== state.observation && !(state.observation === 'never_seen' && reason === 'revoked');
  if (!isNews) return { next, change: null, accepted: true };
  const { deviceId, orgId, observation: from } = state;
  return {
    next: { ...next, observation: to, since: now },
    change: { deviceId, orgId, at: now, from, to, reason, sessionEpoch: next.sessionEpoch },
    accepted: true,
  };
}
