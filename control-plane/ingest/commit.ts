/** One ingest batch in one transaction: lock, decide, write, announce (DESIGN 6.2). */

import type { Database, Stores } from '#db';
import type { LiveEvent } from '#web-api';
import type { DeadLetterSampler } from './dead-letters.ts';
import { commitIsolating, isDataError } from './isolate.ts';
import { type Address, type IngestMessage, SAMPLE_BYTES } from './message.ts';
import { addressKey, cursorKey, METRICS_STREAM, type Outcome, type Plan, planBatch } from './plan.ts';

/** Settled certificates remembered, so that not every beat asks for its own again. */
const MAX_SETTLED = 20_000;

export interface Committer {
  /** Results in order. @throws the database's error where it does not answer; nothing is committed then. */
  commit(messages: readonly IngestMessage[]): Promise<readonly Outcome[]>;
}

export interface CommitterDeps {
  readonly database: Database;
  readonly deadLetters: DeadLetterSampler;
  /** Told after each commit of the devices that beat. */
  readonly onSeen: (orgId: string, deviceIds: ReadonlySet<string>) => void;
}

/** Rows that the database refuses are isolated and become dead letters; their neighbours are committed. */
export function createCommitter(deps: CommitterDeps): Committer {
  const settled = new Set<string>();
  return {
    commit: (messages) =>
      commitIsolating(
        messages,
        (part) => commitOnce(deps, settled, part),
        (message, error) => giveUp(deps, message, error),
        isDataError,
      ),
  };
}

async function commitOnce(
  { database, deadLetters, onSeen }: CommitterDeps,
  settled: Set<string>,
  messages: readonly IngestMessage[],
): Promise<readonly Outcome[]> {
  const { outcomes, certificates, seen } = await database.transaction(async (stores) => {
    const addresses = new Map<string, Address>();
    for (const { address } of messages) addresses.set(addressKey(address), address);
    const locked = await stores.presence.lock([...addresses.values()]);
    const deviceIds = new Map(
      locked.map((state) => [addressKey({ org: state.orgSlug, device: state.deviceId }), state.deviceId]),
    );
    const plan = planBatch(messages, locked, await readCursors(stores, messages, deviceIds));
    await write(stores, plan, deadLetters, settled);
    await announce(stores, plan);
    return plan;
  });
  for (const { serial, deviceId } of certificates) {
    if (settled.size >= MAX_SETTLED) settled.clear();
    settled.add(`${deviceId} ${serial}`);
  }
  for (const [orgId, deviceIds] of seen) onSeen(orgId, deviceIds);
  return outcomes;
}

async function readCursors(
  stores: Stores,
  messages: readonly IngestMessage[],
  deviceIds: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, number>> {
  const keys = new Map<string, { deviceId: string; stream: string; bootId: string }>();
  for (const message of messages) {
    if ((message.kind !== 'metrics' && message.kind !== 'unusable') || message.batch === null) continue;
    const deviceId = deviceIds.get(addressKey(message.address));
    if (deviceId === undefined) continue;
    const { bootId } = message.batch;
    keys.set(cursorKey(deviceId, bootId), { deviceId, stream: METRICS_STREAM, bootId });
  }
  return keys.size === 0 ? new Map() : stores.telemetry.cursors([...keys.values()]);
}

async function write(
  stores: Stores,
  plan: Plan,
  deadLetters: DeadLetterSampler,
  settled: ReadonlySet<string>,
): Promise<void> {
  if (plan.states.length > 0) await stores.presence.save(plan.states);
  if (plan.heartbeats.length > 0) await stores.presence.saveHeartbeats(plan.heartbeats);
  if (plan.changes.length > 0) await stores.presence.appendChanges(plan.changes);
  if (plan.metrics.length > 0) await stores.telemetry.insertMetrics(plan.metrics);
  if (plan.moves.length > 0) await stores.telemetry.moveCursors(plan.moves);
  const letters = plan.deadLetters.filter((message) => deadLetters.admit(message.address.device));
  if (letters.length > 0) {
    await stores.telemetry.deadLetter(
      letters.map((message) => letterOf(message, message.reason, message.sample)),
    );
  }
  for (const { serial, deviceId } of plan.certificates) {
    if (settled.has(`${deviceId} ${serial}`)) continue;
    const certificate = await stores.certificates.findBySerial(serial);
    if (certificate?.deviceId === deviceId) await stores.certificates.activate(serial);
  }
}

async function announce(stores: Stores, plan: Plan): Promise<void> {
  for (const change of plan.changes) {
    await stores.notify('edge_live', {
      kind: 'device.changed',
      organization_id: change.orgId,
      device_id: change.deviceId,
      at: change.at.toISOString(),
      observation: change.to,
    } satisfies LiveEvent);
  }
}

/** The message alone was refused: keep a sample, and let the device forget a numbered batch, which would block its outbox. */
async function giveUp(deps: CommitterDeps, message: IngestMessage, error: unknown): Promise<Outcome> {
  const reason = `database: ${error instanceof Error ? error.message : String(error)}`;
  const sample = Buffer.from(JSON.stringify(contentOf(message)));
  if (message.kind === 'metrics' && message.batch !== null) {
    const unusable = { ...message, kind: 'unusable', batch: message.batch, reason, sample } as const;
    const [outcome] = await commitOnce(deps, new Set(), [unusable]);
    if (outcome !== undefined) return outcome;
  }
  if (deps.deadLetters.admit(message.address.device)) {
    await deps.database.telemetry.deadLetter([letterOf(message, reason, sample)]);
  }
  return { kind: 'dead_lettered', deviceId: null, orgId: null, ack: null };
}

const contentOf = (message: IngestMessage): unknown => {
  switch (message.kind) {
    case 'heartbeat':
      return message.heartbeat;
    case 'presence':
      return message.presence;
    case 'metrics':
      return message.records.slice(0, 20);
    default:
      return message.kind;
  }
};

function letterOf(message: IngestMessage, reason: string, sample: Uint8Array) {
  const { org, device } = message.address;
  const channel = message.kind === 'unusable' ? 'metrics' : message.kind;
  return {
    orgSlug: org,
    device,
    channel,
    topic: `${org}/${device}`,
    reason: reason.slice(0, 500),
    sample: sample.subarray(0, SAMPLE_BYTES),
    receivedAt: message.receivedAt,
  };
}
