/** Batches of records in one transaction: hold the devices, read cursors, plan, copy rows in, move cursors (DESIGN 6.2). */
import type { CursorKey, DeadLetter, Stores } from '#db';
import type { CommitDeps } from './commit-beats.ts';
import { culpritOf } from './culprit.ts';
import { deadLetterOf } from './dead-letter.ts';
import { commitIsolating, isDataError } from './isolate.ts';
import type { Address, BatchMessage } from './message.ts';
import { addressKey, type Outcome, outcomeOf } from './outcome.ts';
import { type BatchPlan, cursorKey, type LocatedDevice, planBatches } from './plan-batches.ts';
import { findPoison, withoutRecords } from './poison.ts';
import { type Prepared, prepareRows } from './rows.ts';
import { createSeriesLimit } from './series-limit.ts';

/** Records of one transaction that are left out because the database points at them; each costs the transaction again. */
const MAX_POINTED = 8;

export type CommitBatches = (messages: readonly BatchMessage[]) => Promise<readonly Outcome[]>;

/**
 * Results in order. A record that the database refuses is found and becomes a dead letter; its neighbours are
 * committed. @throws the database's error where it does not answer; nothing is committed then.
 */
export function createBatchCommitter(deps: CommitDeps): CommitBatches {
  const { database, telemetry, deadLetters } = deps;
  const series = createSeriesLimit();

  const prepare = (message: BatchMessage, device: LocatedDevice): Prepared => {
    const { deviceId, orgId } = device;
    const settings = telemetry.of(orgId);
    const known = series.of(deviceId, message.receivedAt.getTime(), settings.redactor);
    return prepareRows(message, device, settings, known);
  };

  /** `onPlan` hears of it before it is written. */
  async function commit(
    messages: readonly BatchMessage[],
    onPlan?: (plan: BatchPlan) => void,
  ): Promise<readonly Outcome[]> {
    await telemetry.ready();
    return database.transaction(async (stores) => {
      const located = await locate(stores, messages);
      const cursors = await readCursors(stores, messages, located);
      const plan = planBatches(messages, located, cursors, prepare);
      onPlan?.(plan);
      await writeRows(stores, plan);
      if (plan.moves.length > 0) await stores.telemetry.moveCursors(plan.moves);
      const letters = lettersOf(plan);
      if (letters.length > 0) await stores.telemetry.deadLetter(letters);
      return plan.outcomes;
    });
  }

  /** Leaves out the records that the database points at; where it points at none, the caller halves. */
  async function commitPointed(messages: readonly BatchMessage[]): Promise<readonly Outcome[]> {
    let rest = messages;
    for (let pointed = 0; ; pointed += 1) {
      let plan: BatchPlan | null = null;
      try {
        return await commit(rest, (made) => {
          plan = made;
        });
      } catch (error) {
        const culprit = isDataError(error) && pointed < MAX_POINTED ? culpritOf(error, rest, plan) : null;
        const message = culprit === null ? undefined : rest[culprit.message];
        if (culprit === null || message === undefined) throw error;
        const record = new Set([culprit.record]);
        if (!(await isRefused(message, record))) throw error;
        rest = rest.with(culprit.message, withoutRecords(message, record, reasonOf(error)));
      }
    }
  }

  async function isRefused(message: BatchMessage, record: ReadonlySet<number>): Promise<boolean> {
    try {
      await tryRows(message, record);
      return false;
    } catch (error) {
      if (!isDataError(error)) throw error;
      return true;
    }
  }

  function lettersOf({ refused }: BatchPlan): DeadLetter[] {
    const letters: DeadLetter[] = [];
    for (const { message, orgId, rejected } of refused) {
      for (const { reason, value } of rejected) {
        if (!deadLetters.admit(message.address.device)) continue;
        const { redactor } = telemetry.of(orgId);
        letters.push(deadLetterOf(message, message.content.stream, reason, value, redactor));
      }
    }
    return letters;
  }

  /** One message that the database refuses: without the records at fault, or, where even that fails, without any. */
  async function giveUp(message: BatchMessage, error: unknown): Promise<Outcome> {
    const bad = await findPoison(
      message.content.records.length,
      (indexes) => tryRows(message, indexes),
      isDataError,
    );
    const reason = reasonOf(error);
    const rest = withoutRecords(message, bad, reason);
    try {
      return (await commit([rest]))[0] ?? outcomeOf('dead_lettered', null);
    } catch (again) {
      if (!isDataError(again)) throw again;
      return await passNumber(message, reason);
    }
  }

  /** Whether the database takes these records; nothing is kept. */
  async function tryRows(message: BatchMessage, indexes: ReadonlySet<number>): Promise<void> {
    const all = [...message.content.records.keys()];
    const others = new Set(all.filter((index) => !indexes.has(index)));
    const part = withoutRecords(message, others, '');
    const undone = new Error('tried only');
    try {
      await database.transaction(async (stores) => {
        const located = await locate(stores, [part]);
        const unnumbered = { ...part, content: { ...part.content, batch: null } };
        await writeRows(stores, planBatches([unnumbered], located, new Map(), prepare));
        throw undone;
      });
    } catch (error) {
      if (error !== undone && !isCausedBy(error, undone)) throw error;
    }
  }

  async function passNumber(message: BatchMessage, reason: string): Promise<Outcome> {
    const all = new Set(message.content.records.keys());
    const [outcome] = await commit([withoutRecords(message, all, reason)]);
    return outcome ?? outcomeOf('dead_lettered', null);
  }

  return (messages) => commitIsolating(messages, commitPointed, giveUp, isDataError);
}

async function locate(
  stores: Stores,
  messages: readonly BatchMessage[],
): Promise<ReadonlyMap<string, LocatedDevice>> {
  const addresses = new Map<string, Address>();
  for (const { address } of messages) addresses.set(addressKey(address), address);
  const located = new Map<string, LocatedDevice>();
  for (const { deviceId, orgId, orgSlug, intent } of await stores.presence.share([...addresses.values()])) {
    const isDisabled = intent === 'disabled';
    located.set(addressKey({ org: orgSlug, device: deviceId }), { deviceId, orgId, orgSlug, isDisabled });
  }
  return located;
}

async function readCursors(
  stores: Stores,
  messages: readonly BatchMessage[],
  located: ReadonlyMap<string, LocatedDevice>,
): Promise<ReadonlyMap<string, number>> {
  const keys = new Map<string, CursorKey>();
  for (const { address, content } of messages) {
    const device = located.get(addressKey(address));
    if (content.batch === null || device === undefined || device.isDisabled) continue;
    const key = { deviceId: device.deviceId, stream: content.stream, bootId: content.batch.bootId };
    keys.set(cursorKey(key), key);
  }
  return keys.size === 0 ? new Map() : stores.telemetry.cursors([...keys.values()]);
}

async function writeRows(stores: Stores, { metrics, logs }: BatchPlan): Promise<void> {
  if (metrics.length > 0) await stores.telemetry.insertMetrics(metrics);
  if (logs.length > 0) await stores.telemetry.insertLogs(logs);
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The database may wrap what rolled its transaction back. */
const isCausedBy = (error: unknown, cause: Error): boolean =>
  error instanceof Error && (error.cause === cause || isCausedBy(error.cause, cause));
