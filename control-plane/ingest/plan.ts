/** What one ingest batch writes and answers, decided from locked rows. Pure. */
import type { Ack, MetricRecord } from '#contract';
import type { HeartbeatRow, PresenceChange, PresenceState } from '#db';
import { decidePresence, type PresenceEvent } from '../presence/presence.ts';
import { planSequence } from '../telemetry/sequence.ts';
import type { Address, IngestMessage } from './message.ts';

export const METRICS_STREAM = 'metrics';

/** `stale`: of an older or ended session. `gap`: not stored, `ack` says where to go on. */
export type OutcomeKind = 'committed' | 'duplicate' | 'gap' | 'stale' | 'unknown_device' | 'dead_lettered';

/** What became of one message; true only after the commit. */
export interface Outcome {
  readonly kind: OutcomeKind;
  readonly deviceId: string | null;
  readonly orgId: string | null;
  /** To be sent down to the device; null where there is nothing to say. */
  readonly ack: Ack | null;
}

export interface CursorMove {
  readonly deviceId: string;
  readonly orgId: string;
  readonly stream: string;
  readonly bootId: string;
  readonly seq: number;
  readonly at: Date;
}

export interface Plan {
  readonly states: PresenceState[];
  readonly changes: PresenceChange[];
  readonly heartbeats: HeartbeatRow[];
  readonly metrics: { deviceId: string; orgId: string; receivedAt: Date; record: MetricRecord }[];
  readonly moves: CursorMove[];
  /** Certificates that their device was seen to use. */
  readonly certificates: { serial: string; deviceId: string }[];
  /** Organisation id → devices with an accepted beat. */
  readonly seen: Map<string, Set<string>>;
  /** Numbered batches that were given up here, to be kept as dead letters. */
  readonly deadLetters: Extract<IngestMessage, { kind: 'unusable' }>[];
  /** One per message, in order. */
  readonly outcomes: Outcome[];
}

export const addressKey = ({ org, device }: Address): string => `${org}/${device}`;

/** Key of the map that `TelemetryStore.cursors` returns. */
export const cursorKey = (deviceId: string, bootId: string): string =>
  `${deviceId} ${METRICS_STREAM} ${bootId}`;

/** Messages are taken in order; later ones see what earlier ones of the same batch did. */
export function planBatch(
  messages: readonly IngestMessage[],
  locked: readonly PresenceState[],
  committed: ReadonlyMap<string, number>,
): Plan {
  const plan: Plan = {
    states: [],
    changes: [],
    heartbeats: [],
    metrics: [],
    moves: [],
    certificates: [],
    seen: new Map(),
    deadLetters: [],
    outcomes: [],
  };
  const before = new Map(
    locked.map((state) => [addressKey({ org: state.orgSlug, device: state.deviceId }), state]),
  );
  const states = new Map(before);
  const beats = new Map<string, HeartbeatRow>();
  const cursors = new Map(committed);
  const moves = new Map<string, CursorMove>();
  for (const message of messages) {
    const key = addressKey(message.address);
    const state = states.get(key);
    if (state === undefined) {
      plan.outcomes.push({ kind: 'unknown_device', deviceId: null, orgId: null, ack: null });
      continue;
    }
    const outcome = (kind: OutcomeKind, ack: Ack | null): void => {
      plan.outcomes.push({ kind, deviceId: state.deviceId, orgId: state.orgId, ack });
    };
    if (message.kind === 'metrics' || message.kind === 'unusable') {
      const { batch } = message;
      if (batch !== null) {
        const at = cursorKey(state.deviceId, batch.bootId);
        const step = planSequence(cursors.get(at) ?? 0, batch.seq);
        const ack: Ack = { stream: 'metrics', boot_id: batch.bootId, seq: step.cursor };
        if (step.kind !== 'store') {
          outcome(step.kind, ack);
          continue;
        }
        cursors.set(at, step.cursor);
        moves.set(at, moveOf(state, batch.bootId, step.cursor, message.receivedAt));
        if (message.kind === 'unusable') {
          plan.deadLetters.push(message);
          outcome('dead_lettered', ack);
          continue;
        }
        outcome('committed', ack);
      } else {
        outcome('committed', null);
      }
      const { deviceId, orgId } = state;
      for (const record of message.kind === 'metrics' ? message.records : []) {
        plan.metrics.push({ deviceId, orgId, receivedAt: message.receivedAt, record });
      }
      continue;
    }
    const decision = decidePresence(state, presenceEventOf(message), message.receivedAt);
    states.set(key, decision.next);
    if (decision.change !== null) plan.changes.push(decision.change);
    if (!decision.accepted) {
      outcome('stale', null);
      continue;
    }
    const serial = serialOf(message);
    if (serial !== null) plan.certificates.push({ serial, deviceId: state.deviceId });
    if (message.kind === 'heartbeat') {
      const { heartbeat, receivedAt } = message;
      beats.set(key, {
        deviceId: state.deviceId,
        receivedAt,
        heartbeat: mergeBeat(beats.get(key), heartbeat),
      });
      const ofOrg = plan.seen.get(state.orgId) ?? new Set();
      plan.seen.set(state.orgId, ofOrg.add(state.deviceId));
      outcome('committed', ackOf(heartbeat));
      continue;
    }
    outcome('committed', null);
  }
  for (const [key, state] of states) if (isNews(before.get(key), state)) plan.states.push(state);
  plan.heartbeats.push(...beats.values());
  plan.moves.push(...moves.values());
  return plan;
}

function presenceEventOf(message: Extract<IngestMessage, { kind: 'heartbeat' | 'presence' }>): PresenceEvent {
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
function serialOf(message: Extract<IngestMessage, { kind: 'heartbeat' | 'presence' }>): string | null {
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

const moveOf = (state: PresenceState, bootId: string, seq: number, at: Date): CursorMove => ({
  deviceId: state.deviceId,
  orgId: state.orgId,
  stream: METRICS_STREAM,
  bootId,
  seq,
  at,
});
