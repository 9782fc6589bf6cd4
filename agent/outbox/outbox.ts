/**
 * Events, logs and measurements on disk until the control plane says that they are committed (DESIGN 6.3). Records are
 * put together into batches; a batch gets the next number of its lane's `boot_id` (1, 2, 3 … without gaps) when it is
 * first handed out, and never changes from then on. What has no number yet may be thinned or dropped when room runs
 * out; every record that is given up is counted.
 */
import { type Heartbeat, type Sealed, STREAMS, type Stream } from '#contract';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Durability } from '../state.ts';
import { type AckDecision, type BatchAck, decideAck } from './ack-decision.ts';
import { type BatchOf, lineOf, type RecordOf } from './body.ts';
import { type Held, holdTables } from './held.ts';
import { LANES, type Lane } from './lanes.ts';
import { OUTBOX_LIMITS, type OutboxLimits } from './limits.ts';
import { bytesOf, makeRoom } from './make-room.ts';
import { sentAtMs } from './recorded-time.ts';
import { pressureOf } from './relief.ts';
import { openReserve, RESERVE_BYTES } from './reserve.ts';
import { isDamage, isDiskFull, openOrReplace, replaceDamaged } from './tables.ts';

const SAME_ERROR_MS = 60_000;
/** On a full disk it is looked this often whether there is room again. */
const LOOK_FOR_ROOM_MS = 5000;

export type OutboxDepth = NonNullable<Heartbeat['outbox']>;

export interface Outbox {
  /**
   * True when the records are held: durable against kill -9. False when they are not, because the disk is full: then
   * they are counted as lost, unless the caller still has them and offers them again. A record that no batch could carry
   * is left out and counted. Never throws.
   */
  append<S extends Stream>(
    stream: S,
    records: readonly RecordOf[S][],
    options?: { readonly isOfferedAgain?: boolean },
  ): boolean;
  /** What is held is backlog from here on. */
  startSession(): void;
  /** The batch to send now: the same one until it is acknowledged. Null when the lane has none. */
  next<S extends Stream>(stream: S, lane: Lane): Sealed<BatchOf[S]> | null;
  /** Which lane it was about, and what it meant. */
  acknowledge(stream: Stream, ack: BatchAck): { readonly lane: Lane; readonly decision: AckDecision };
  /** Starts a new numbering of the lane over what is held, for a server whose cursor cannot be met. */
  renumber(stream: Stream, lane: Lane): void;
  depth(): OutboxDepth;
  /** How full the class is, 0..1. */
  pressure(stream: Stream): number;
  close(): void;
}

export interface OutboxOptions {
  readonly file: string;
  readonly log: Log;
  readonly clock: Clock;
  /** A new `boot_id`. */
  readonly newId: () => string;
  readonly limits?: Partial<OutboxLimits> | undefined;
  readonly durability?: Durability;
}

/** @throws AgentError `state` when another agent holds the file. */
export function openOutbox({
  file,
  log,
  clock,
  newId,
  limits: given,
  durability = 'power-cut',
}: OutboxOptions): Outbox {
  const limits: OutboxLimits = { ...OUTBOX_LIMITS, ...given };
  const opened = openOrReplace(file, durability, clock().wallMs);
  const hold = (database: typeof opened.database): Held =>
    holdTables({ database, clock, newId, limits, durability });
  let held = hold(opened.database);
  if (opened.damage !== null) {
    log.error({ file, reason: opened.damage, saved: opened.saved }, 'outbox damaged; a fresh one is used');
  }

  const reserve = openReserve(durability === 'power-cut' ? `${file}.reserve` : null);
  let isFull = !reserve.secure();
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  /** On a full disk what is new goes only where something was forgotten; the rest of the room is for sending. */
  const hasRoom = (): boolean => {
    if (!isFull) return true;
    const { monoMs } = clock();
    if (monoMs - lookedAtMs >= LOOK_FOR_ROOM_MS) {
      lookedAtMs = monoMs;
      isFull = !reserve.secure();
    }
    return !isFull || held.freeBytes() > RESERVE_BYTES;
  };
  const makeRoomOnDisk = (): void => {
    isFull = true;
    lookedAtMs = clock().monoMs;
    if (reserve.release()) log.error({ file }, 'disk full; new records are not taken until there is room');
    held.checkpoint();
  };

  let isBroken = false;
  /** Damage found on the way: what can be saved goes into a fresh file, and the rest is counted. */
  const replace = (damaged: Held): Held => {
    const before = STREAMS.map((stream) => ({ stream, ...damaged.counts[stream] }));
    if (!isBroken) damaged.close();
    isBroken = true;
    const { database, saved } = replaceDamaged(file, durability, clock().wallMs);
    const fresh = hold(database);
    isBroken = false;
    for (const { stream, records, dropped } of before) {
      const now = fresh.counts[stream];
      fresh.countDropped(stream, Math.max(0, records + dropped - now.records - now.dropped));
    }
    fresh.inTransaction(() => undefined);
    log.error({ file, saved }, 'outbox damaged; a fresh one is used');
    return fresh;
  };
  const say = limitedError(log, file, clock);
  /** Runs the work, once more after a repair that may help. Never throws: else the answer is `otherwise`. */
  const guarded = <T>(work: () => T, otherwise: () => T): T => {
    for (let tries = 0; tries < 2; tries += 1) {
      try {
        return work();
      } catch (error) {
        say(error);
        try {
          if (isBroken || isDamage(error)) held = replace(held);
          else if (isDiskFull(error)) makeRoomOnDisk();
        } catch (second) {
          say(second);
          break;
        }
      }
    }
    return otherwise();
  };
  const reportLoss = (before: number): void => {
    const dropped = lossOf(held) - before;
    if (dropped > 0) log.warn({ dropped, bytes: bytesOf(held) }, 'outbox full or too old; records given up');
  };

  return {
    append(stream, records, { isOfferedAgain = false } = {}) {
      const lines = records.map(lineOrNull).filter((line) => line !== null);
      const fitting = lines.filter((line) => Buffer.byteLength(line) < limits.batchBytes);
      const lost = records.length - fitting.length;
      if (lost > 0) {
        held.countDropped(stream, lost);
        log.error({ stream, lost }, 'records too large for a batch are given up');
      }
      if (fitting.length === 0) return true;
      let isHeld = false;
      guarded(
        () => {
          if (!isHeld && hasRoom()) {
            held.append(stream, fitting);
            isHeld = true;
          }
          const before = lossOf(held);
          for (const name of STREAMS) held.dropOlderThan(name, limits.classes[name].maxAgeMs);
          makeRoom(held, limits);
          reportLoss(before);
        },
        () => undefined,
      );
      if (!isHeld && !isOfferedAgain) held.countDropped(stream, fitting.length);
      return isHeld;
    },
    startSession: () =>
      guarded(
        () => held.startSession(),
        () => undefined,
      ),
    next: <S extends Stream>(stream: S, lane: Lane) =>
      guarded<Sealed<BatchOf[S]> | null>(
        () => {
          held.dropOlderThan(stream, limits.classes[stream].maxAgeMs);
          const batch = held.next(stream, lane);
          if (batch === null) return null;
          const { bootId, seq, mark, isHeldOver, records } = batch;
          const sentAt = new Date(sentAtMs(mark, clock())).toISOString();
          const envelope = { boot_id: bootId, seq, sent_at: sentAt, records };
          // The records are of the class, so that this is a batch of it; the compiler cannot follow.
          return (isHeldOver ? { ...envelope, backfill: true } : envelope) as unknown as Sealed<BatchOf[S]>;
        },
        () => null,
      ),
    acknowledge(stream, ack) {
      const lane = LANES.find((name) => held.numbering(stream, name).bootId === ack.boot_id) ?? 'live';
      const decision = guarded<AckDecision>(
        () => {
          const meaning = decideAck(held.numbering(stream, lane), ack);
          if (meaning === 'forget') held.forget(stream, lane);
          return meaning;
        },
        () => 'ignore',
      );
      return { lane, decision };
    },
    renumber: (stream, lane) =>
      guarded(
        () => held.renumber(stream, lane),
        () => undefined,
      ),
    depth: () => depthOf(held),
    pressure: (stream) => pressureOf(stream, bytesOf(held), limits),
    close: () => held.close(),
  };
}

/** The same reason once a minute: the log may itself be shipped through this outbox, line for line. */
function limitedError(log: Log, file: string, clock: Clock): (error: unknown) => void {
  let last = { reason: '', atMs: 0 };
  return (error) => {
    const reason = messageOf(error);
    const atMs = clock().monoMs;
    if (reason === last.reason && atMs - last.atMs < SAME_ERROR_MS) return;
    last = { reason, atMs };
    log.error({ file, reason }, 'outbox cannot be used');
  };
}

const lossOf = ({ counts }: Held): number => STREAMS.reduce((sum, stream) => sum + counts[stream].dropped, 0);

function depthOf(held: Held): OutboxDepth {
  const depth = (stream: Stream) => {
    const { records, bytes, dropped } = held.counts[stream];
    const oldestAt = oldestAtOf(held, stream);
    return { records, bytes, dropped, ...(oldestAt === null ? {} : { oldest_at: oldestAt }) };
  };
  const byClass = { events: depth('events'), logs: depth('logs'), metrics: depth('metrics') };
  const sum = (of: 'records' | 'bytes' | 'dropped'): number =>
    STREAMS.reduce((total, stream) => total + byClass[stream][of], 0);
  return { records: sum('records'), bytes: sum('bytes'), dropped: sum('dropped'), by_class: byClass };
}

/** Only a number for the heartbeat: a file that cannot be read now is found out by what needs it. */
function oldestAtOf(held: Held, stream: Stream): string | null {
  try {
    const at = held.oldestAtMs(stream);
    return at === null ? null : new Date(at).toISOString();
  } catch {
    return null;
  }
}

function lineOrNull(record: object): string | null {
  try {
    return lineOf(record);
  } catch {
    return null;
  }
}
