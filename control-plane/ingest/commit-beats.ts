/** Beats and hellos in one transaction: lock, decide, write, announce (DESIGN 6.1). */
import type { Database, Stores } from '#db';
import type { LiveEvent } from '#web-api';
import type { TelemetryCache } from '../settings-delivery/telemetry-cache.ts';
import { deadLetterOf } from './dead-letter.ts';
import type { DeadLetterSampler } from './dead-letters.ts';
import { commitIsolating, isDataError } from './isolate.ts';
import type { Address, SignMessage } from './message.ts';
import { addressKey, type Outcome, outcomeOf } from './outcome.ts';
import { type BeatPlan, planBeats } from './plan-beats.ts';

/** Settled certificates remembered, so that not every beat asks for its own again. */
const MAX_SETTLED = 20_000;

export interface CommitDeps {
  readonly database: Database;
  readonly telemetry: TelemetryCache;
  readonly deadLetters: DeadLetterSampler;
}

/**
 * Results in order. Beats that the database refuses are isolated and become dead letters; their neighbours are
 * committed. @throws the database's error where it does not answer; nothing is committed then.
 */
export function createBeatCommitter(
  deps: CommitDeps & {
    /** Told after each commit of the devices that beat. */
    readonly onSeen: (orgId: string, deviceIds: ReadonlySet<string>) => void;
  },
): (messages: readonly SignMessage[]) => Promise<readonly Outcome[]> {
  const settled = new Set<string>();

  async function commit(messages: readonly SignMessage[]): Promise<readonly Outcome[]> {
    await deps.telemetry.ready();
    const plan = await deps.database.transaction(async (stores) => {
      const addresses = new Map<string, Address>();
      for (const { address } of messages) addresses.set(addressKey(address), address);
      const locked = await stores.presence.lock([...addresses.values()]);
      const decided = planBeats(messages, locked);
      await write(stores, decided, deps.telemetry, settled);
      return decided;
    });
    for (const { serial, deviceId } of plan.certificates) {
      if (settled.size >= MAX_SETTLED) settled.clear();
      settled.add(`${deviceId} ${serial}`);
    }
    for (const [orgId, deviceIds] of plan.seen) deps.onSeen(orgId, deviceIds);
    return plan.outcomes;
  }

  async function giveUp(message: SignMessage, error: unknown): Promise<Outcome> {
    if (deps.deadLetters.admit(message.address.device)) {
      const reason = `database: ${error instanceof Error ? error.message : String(error)}`;
      const content = message.kind === 'heartbeat' ? message.heartbeat : message.presence;
      // The organisation is not known for sure here: the rules that everybody has.
      const letter = deadLetterOf(message, message.kind, reason, content, deps.telemetry.asShipped.redactor);
      await deps.database.telemetry.deadLetter([letter]);
    }
    return outcomeOf('dead_lettered', null);
  }

  return (messages) => commitIsolating(messages, commit, giveUp, isDataError);
}

async function write(
  stores: Stores,
  plan: BeatPlan,
  telemetry: TelemetryCache,
  settled: ReadonlySet<string>,
): Promise<void> {
  if (plan.states.length > 0) await stores.presence.save(plan.states);
  if (plan.heartbeats.length > 0) await stores.presence.saveHeartbeats(redacted(plan, telemetry));
  if (plan.changes.length > 0) await stores.presence.appendChanges(plan.changes);
  for (const { serial, deviceId } of plan.certificates) {
    if (settled.has(`${deviceId} ${serial}`)) continue;
    const certificate = await stores.certificates.findBySerial(serial);
    if (certificate?.deviceId === deviceId) await stores.certificates.activate(serial);
  }
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

/** Facts are the only part of a beat with free text in it; they come with the first beat of a session. */
function redacted(plan: BeatPlan, telemetry: TelemetryCache): BeatPlan['heartbeats'] {
  if (plan.heartbeats.every(({ heartbeat }) => heartbeat.facts === undefined)) return plan.heartbeats;
  const orgs = new Map<string, string>();
  for (const [orgId, deviceIds] of plan.seen) for (const deviceId of deviceIds) orgs.set(deviceId, orgId);
  return plan.heartbeats.map((row) => {
    const { facts } = row.heartbeat;
    if (facts === undefined) return row;
    const { redactor } = telemetry.of(orgs.get(row.deviceId) ?? '');
    return { ...row, heartbeat: { ...row.heartbeat, facts: redactor.json(facts) as typeof facts } };
  });
}
