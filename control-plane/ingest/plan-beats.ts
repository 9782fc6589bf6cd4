/** What the beats and hellos of one transaction write and answer, decided from locked rows. Pure. */
import type { Ack } from '#contract';
import type { HeartbeatRow, LockedPresence, PresenceChange, PresenceState } from '#db';
import { decidePresence, type PresenceEvent } from '../presence/presence.ts';
import type { SignMessage } from './message.ts';
import { addressKey, type Outcome, outcomeOf } from './outcome.ts';

export interface BeatPlan {
  readonly states: PresenceState[];
  readonly changes: PresenceChange[];
  readonly heartbeats: HeartbeatRow[];
  /** Certificates that their device was seen to use. */
  readonly certificates: { serial: string; deviceId: string }[];
  /** Organisation id → devices with an accepted beat. */
  readonly seen: Map<string, Set<string>>;
  /** One per message, in order. */
  readonly outcomes: Outcome[];
}

/** Messages are taken in order; later ones see what earlier ones of the same batch did. */
export function planBeats(messages: readonly SignMessage[], locked: readonly LockedPresence[]): BeatPlan {
  const plan: BeatPlan = {
    states: [],
    changes: [],
    heartbeats: [],
    certificates: [],
    seen: new Map(),
    outcomes: [],
  };
  const before = new Map<string, LockedPresence>();
  for (const state of locked) before.set(addressKey({ org: state.orgSlug, device: state.deviceId }), state);
  const states = new Map<string, PresenceState>(before);
  const beats = new Map<string, HeartbeatRow>();
  for (const message of messages) {
    const key = addressKey(message.address);
    const state = states.get(key);
    if (state === undefined) {
      plan.outcomes.push(outcomeOf('unknown_device', null));
      continue;
    }
    // Hello and goodbye tell of the link, which a disabled device may have; its beats count for nothing.
    if (message.kind === 'heartbeat' && before.get(key)?.intent === 'disabled') {
      plan.outcomes.push(outcomeOf('disabled', state));
      continue;
    }
    const decision = decidePresence(state, presenceEventOf(message), message.receivedAt);
    states.set(key, decision.next);
    if (decision.change !== null) plan.changes.push(decision.change);
    if (!decision.accepted) {
      plan.outcomes.push(outcomeOf('stale', state));
      continue;
    }
    const serial = serialOf(message);
    if (serial !== null) plan.certificates.push({ serial, deviceId: state.deviceId });
    if (message.kind === 'heartbeat') {
      const { heartbeat, receivedAt } = message;
      const body = mergeBeat(beats.get(key), heartbeat);
      beats.set(key, { deviceId: state.deviceId, receivedAt, heartbeat: body });
      const ofOrg = plan.seen.get(state.orgId) ?? new Set();
      plan.seen.set(state.orgId, ofOrg.add(state.deviceId));
    }
    plan.outcomes.push(
      outcomeOf('committed', state, message.kind === 'heartbeat' ? ackOf(message.heartbeat) : null),
    );
  }
  for (const [key, state] of states) if (isNews(before.get(key), state)) plan.states.push(state);
  plan.heartbeats.push(...beats.values());
  return plan;
}

function presenceEventOf(message: SignMessage): PresenceEvent {
  if (message.kind === 'heartbeat') {
    const { via, heartbeat } = message;
    const epoch = via === 'mqtt' ? (heartbeat.session_epoch ?? null) : null;
    return { kind: 'heartbeat', via, epoch, status: heartbeat.status };
  }
  const { kind, session_epoch: epoch, reason } = message.presence;
  return kind === 'goodbye' ? { kind, epoch, reason: reason ?? null } : { kind, epoch };
}

/** An ordinary beat moves only its time, which is written with its body: one update per beat, not two. */
const isNews = (before: PresenceState | undefined, after: PresenceState): boolean =>
  before === undefined ||
  before.observation !== after.observation ||
  before.connected !== after.connected ||
  before.sessionEpoch !== after.sessionEpoch ||
  before.goodbyeReason !== after.goodbyeReason;

/** The certificate that the device says it uses; a will was written before and proves nothing. */
function serialOf(message: SignMessage): string | null {
  if (message.kind === 'heartbeat') return message.certificateSerial;
  return message.presence.kind === 'hello' ? (message.presence.certificate_serial ?? null) : null;
}

/** Facts come with the first beat of a session only: the next one of the same batch must not take them away. */
function mergeBeat(
  earlier: HeartbeatRow | undefined,
  beat: HeartbeatRow['heartbeat'],
): HeartbeatRow['heartbeat'] {
  const facts = beat.facts ?? earlier?.heartbeat.facts;
  return facts === undefined ? beat : { ...beat, facts };
}

/** A plain MQTT client that does not count its beats asks for no answer. */
const ackOf = (beat: HeartbeatRow['heartbeat']): Ack | null =>
  beat.seq === undefined
    ? null
    : { stream: 'heartbeat', boot_id: String(beat.session_epoch ?? 0), seq: beat.seq };
