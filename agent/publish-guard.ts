/**
 * Finds the publish that the broker refuses. A broker that closes the socket without a word on a refused publish
 * would otherwise be asked the same for ever. Pure.
 */
import type { ChannelName } from '#contract';

/** Drops in a row after the same unanswered publish that make it the suspect. */
export const DROPS_TO_MUTE = 3;
/** A drop counts against a publish only when it follows this soon. */
export const DROP_WINDOW_MS = 3000;
/** A muted channel is tried again after this long, for rights may have changed. */
export const MUTE_MS = 3_600_000;

export interface GuardState {
  /** The channel under suspicion and how many drops followed it. */
  readonly suspect: { readonly channel: ChannelName; readonly drops: number } | null;
  /** Channel → time (ms) until which nothing is published on it. */
  readonly mutedUntil: Readonly<Partial<Record<ChannelName, number>>>;
}

export const QUIET: GuardState = { suspect: null, mutedUntil: {} };

export const isMuted = (state: GuardState, channel: ChannelName, nowMs: number): boolean =>
  (state.mutedUntil[channel] ?? 0) > nowMs;

/** The broker answered a publish of this channel: it is no suspect. */
export const afterAnswer = (state: GuardState, channel: ChannelName): GuardState =>
  state.suspect?.channel === channel ? { ...state, suspect: null } : state;

/** The link dropped; `unanswered` is the oldest publish without an answer, with its age. */
export function afterDrop(
  state: GuardState,
  unanswered: { readonly channel: ChannelName; readonly ageMs: number } | null,
  nowMs: number,
): { readonly state: GuardState; readonly muted: ChannelName | null } {
  if (unanswered === null || unanswered.ageMs > DROP_WINDOW_MS) return { state, muted: null };
  const { channel } = unanswered;
  const drops = (state.suspect?.channel === channel ? state.suspect.drops : 0) + 1;
  if (drops < DROPS_TO_MUTE) return { state: { ...state, suspect: { channel, drops } }, muted: null };
  return {
    state: { suspect: null, mutedUntil: { ...state.mutedUntil, [channel]: nowMs + MUTE_MS } },
    muted: channel,
  };
}
