/** What the batches of one transaction write and answer, decided from locked rows. Pure but for `prepare`. */
import type { Ack, Stream } from '#contract';
import type { CursorKey, LogRow, MetricRow } from '#db';
import { planSequence } from '../telemetry/sequence.ts';
import type { BatchMessage } from './message.ts';
import { addressKey, type Outcome, outcomeOf } from './outcome.ts';
import type { Rejected } from './reasons.ts';
import type { Prepared } from './rows.ts';

/** A device that exists, as its row says; held until the commit. */
export interface LocatedDevice {
  readonly deviceId: string;
  readonly orgId: string;
  readonly orgSlug: string;
  readonly isDisabled: boolean;
}
export type CursorMove = CursorKey & { readonly orgId: string; readonly seq: number; readonly at: Date };

export interface BatchPlan {
  readonly metrics: MetricRow[];
  readonly logs: LogRow[];
  readonly moves: CursorMove[];
  /** Records to be kept as dead letters. */
  readonly refused: {
    readonly message: BatchMessage;
    readonly orgId: string;
    readonly rejected: readonly Rejected[];
  }[];
  /** One per message, in order. */
  readonly outcomes: Outcome[];
}

/** As the map that `TelemetryStore.cursors` returns has it. */
export const cursorKey = ({ deviceId, stream, bootId }: CursorKey): string =>
  `${deviceId} ${stream} ${bootId}`;

/** Messages are taken in order; later ones see what earlier ones of the same transaction did. */
export function planBatches(
  messages: readonly BatchMessage[],
  located: ReadonlyMap<string, LocatedDevice>,
  committed: ReadonlyMap<string, number>,
  prepare: (message: BatchMessage, device: LocatedDevice) => Prepared,
): BatchPlan {
  const plan: BatchPlan = { metrics: [], logs: [], moves: [], refused: [], outcomes: [] };
  const moves = new Map<string, CursorMove>();
  for (const message of messages) {
    const device = located.get(addressKey(message.address));
    if (device === undefined) plan.outcomes.push(outcomeOf('unknown_device', null));
    else if (device.isDisabled) plan.outcomes.push(outcomeOf('disabled', device));
    else plan.outcomes.push(planOne(plan, moves, committed, message, device, prepare));
  }
  plan.moves.push(...moves.values());
  return plan;
}

function planOne(
  plan: BatchPlan,
  moves: Map<string, CursorMove>,
  committed: ReadonlyMap<string, number>,
  message: BatchMessage,
  device: LocatedDevice,
  prepare: (message: BatchMessage, device: LocatedDevice) => Prepared,
): Outcome {
  const { batch, stream } = message.content;
  let ack: Ack | null = null;
  if (batch !== null) {
    const { deviceId, orgId } = device;
    const key = cursorKey({ deviceId, stream, bootId: batch.bootId });
    const step = planSequence(moves.get(key)?.seq ?? committed.get(key) ?? 0, batch.seq);
    ack = ackOf(stream, batch.bootId, step.cursor);
    if (step.kind !== 'store') return outcomeOf(step.kind, device, ack);
    moves.set(key, {
      deviceId,
      orgId,
      stream,
      bootId: batch.bootId,
      seq: step.cursor,
      at: message.receivedAt,
    });
  }
  const prepared = prepare(message, device);
  for (const row of prepared.metrics) plan.metrics.push(row);
  for (const row of prepared.logs) plan.logs.push(row);
  const { rejected } = prepared;
  if (rejected.length > 0) plan.refused.push({ message, orgId: device.orgId, rejected });
  const stored = prepared.metrics.length + prepared.logs.length;
  return { ...outcomeOf(stored === 0 ? 'dead_lettered' : 'committed', device, ack), prepared };
}

const ackOf = (stream: Stream, bootId: string, seq: number): Ack => ({ stream, boot_id: bootId, seq });
