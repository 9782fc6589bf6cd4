/** What one open outbox file holds: appending, sealing, numbering, forgetting, each in one transaction. */
import type { DatabaseSync } from 'node:sqlite';
import { STREAMS, type Stream } from '#contract';
import type { Clock } from '../clock.ts';
import type { Durability } from '../state.ts';
import { bodyOf, isWhole, lineOf, type RecordOf, recordsOf } from './body.ts';
import { type Lane, openLanes } from './lanes.ts';
import { openLedger } from './ledger.ts';
import type { OutboxLimits } from './limits.ts';
import { type ClockMark, markOf, moveRecord, STEP_MIN_MS, stepSince } from './recorded-time.ts';
import { prepareRows, type Row, type StoredBody } from './rows.ts';
import { SYNCHRONOUS } from './tables.ts';

/** The batch that a lane waits for. */
export interface Handed<S extends Stream> {
  readonly bootId: string;
  readonly seq: number;
  readonly mark: ClockMark;
  /** Recorded before the session that hands it out began. */
  readonly isHeldOver: boolean;
  readonly records: RecordOf[S][];
}

export type Held = ReturnType<typeof holdTables>;

export interface HoldOptions {
  readonly database: DatabaseSync;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly limits: OutboxLimits;
  readonly durability: Durability;
}

export function holdTables({ database, clock, newId, limits, durability }: HoldOptions) {
  const rows = prepareRows(database);
  const lanes = openLanes(database, newId);
  const ledger = openLedger(database, rows, clock);
  const { counts, open } = ledger;
  /** Last batch that was held when the session began. */
  const heldUpTo: Record<Stream, number> = { events: 0, logs: 0, metrics: 0 };

  const inTransaction = <T>(work: () => T, isDurable = false): T => {
    const undo = [lanes.snapshot(), ledger.snapshot()];
    if (isDurable) database.exec(SYNCHRONOUS[durability].durable);
    try {
      database.exec('BEGIN IMMEDIATE');
      const result = work();
      ledger.save();
      database.exec('COMMIT');
      return result;
    } catch (error) {
      for (const step of undo) step();
      // A failed COMMIT may have ended the transaction already.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    } finally {
      if (isDurable) database.exec(SYNCHRONOUS[durability].usual);
    }
  };
  const change = (stream: Stream, records: number, bytes: number): void => {
    counts[stream].records += records;
    counts[stream].bytes += bytes;
  };
  const waiting = (stream: Stream): readonly [number, number] => [
    lanes.of(stream, 'live').waitingId,
    lanes.of(stream, 'backlog').waitingId,
  ];
  const remove = (stream: Stream, row: Row): void => {
    rows.deleteBatch(row.id);
    change(stream, -row.records, -row.bytes);
  };
  const drop = (stream: Stream, row: Row): void => {
    remove(stream, row);
    counts[stream].dropped += row.records;
  };
  /** Rewrites a batch that has no number; fewer records than before are counted as lost. */
  const rewrite = <S extends Stream>(
    stream: S,
    row: Row,
    records: readonly RecordOf[S][],
    { thinned = 0, mark = row.mark, firstAtMs = row.firstAtMs } = {},
  ): void => {
    if (records.length === 0) {
      drop(stream, row);
      return;
    }
    const body = bodyOf(records.map(lineOf));
    rows.updateBody(row.id, thinned, body, { mark, firstAtMs });
    change(stream, body.records - row.records, body.bytes - row.bytes);
    counts[stream].dropped += row.records - body.records;
  };

  /** Puts chunks together into batches. `withRest`: a last one that is not full, too. */
  const seal = (stream: Stream, withRest: boolean): void => {
    let group: Array<{ row: Row; body: StoredBody }> = [];
    let size = { records: 0, bytes: 0 };
    const closeGroup = (): void => {
      const [first] = group;
      const last = group.at(-1);
      if (first === undefined || last === undefined) return;
      const lines = group.flatMap(({ body }) =>
        isWhole(body) ? body.text.split('\n') : recordsOf(stream, body).map(lineOf),
      );
      const body = bodyOf(lines);
      if (lines.length > 0) {
        const { firstAtMs, mark } = first.row;
        rows.insertBatch({ stream, body, firstAtMs, mark, livedMs: last.row.livedMs });
      }
      rows.deleteChunks(stream, last.row.id);
      change(stream, lines.length - size.records, (lines.length > 0 ? body.bytes : 0) - size.bytes);
      counts[stream].dropped += size.records - lines.length;
      open[stream].records -= size.records;
      open[stream].bytes -= size.bytes;
      group = [];
      size = { records: 0, bytes: 0 };
    };
    for (const chunk of rows.chunks(stream)) {
      const [first] = group;
      const fits =
        size.records + chunk.row.records <= limits.batchRecords &&
        size.bytes + chunk.row.bytes <= limits.batchBytes &&
        (first === undefined || isSameClock(first.row.mark, chunk.row.mark));
      if (!fits) closeGroup();
      group.push(chunk);
      size = { records: size.records + chunk.row.records, bytes: size.bytes + chunk.row.bytes };
    }
    if (withRest || size.records >= limits.batchRecords) closeGroup();
  };

  const candidate = (stream: Stream, lane: Lane): Row | null =>
    lane === 'live'
      ? rows.oldest(stream, heldUpTo[stream], Number.MAX_SAFE_INTEGER, waiting(stream))
      : rows.oldest(stream, 0, heldUpTo[stream], waiting(stream));

  /** Gives the next batch of the lane its number. False when there is none. */
  const number = (stream: Stream, lane: Lane): boolean => {
    let row = candidate(stream, lane);
    if (row === null && lane === 'live' && open[stream].records > 0) {
      inTransaction(() => seal(stream, true));
      row = candidate(stream, lane);
    }
    if (row === null) return false;
    const found = row;
    // Durable before the server can see it: after a power cut the number must not come back with other content.
    inTransaction(() => {
      if (!settle(stream, found)) return;
      const state = lanes.of(stream, lane);
      state.lastSeq += 1;
      state.waitingId = found.id;
      lanes.save(stream, lane);
    }, true);
    return true;
  };

  /** Last changes before the number: the present clock, and without what a damaged page took. False when nothing is left. */
  const settle = (stream: Stream, row: Row): boolean => {
    const reading = ledger.now();
    const step = stepSince(row.mark, reading);
    const body = rows.body(row.id);
    if (step === 0 && isWhole(body)) return true;
    const records = recordsOf(stream, body).map((record) => moveRecord(record, row.mark, step));
    rewrite(stream, row, records, {
      ...(step === 0 ? {} : { mark: markOf(reading), firstAtMs: row.firstAtMs + step }),
    });
    return records.length > 0;
  };

  const renumber = (stream: Stream, lane: Lane): void =>
    inTransaction(() => {
      Object.assign(lanes.of(stream, lane), { bootId: newId(), lastSeq: 0, waitingId: 0 });
      lanes.save(stream, lane);
    }, true);

  return {
    counts,
    rows,
    inTransaction,
    rewrite,
    drop,
    waiting,
    renumber,
    numbering: lanes.numbering,
    /** Of the file, for records to come. */
    freeBytes(): number {
      const ask = (name: string): number =>
        Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0);
      return ask('freelist_count') * ask('page_size');
    },
    /** Merges the write-ahead log into the file, so that it is written from its start again. */
    checkpoint: () => void database.exec('PRAGMA wal_checkpoint(RESTART)'),
    close: () => database.close(),

    /** Counts records that never came onto disk; on a full disk they are saved with the next change that fits. */
    countDropped(stream: Stream, records: number): void {
      counts[stream].dropped += records;
    },
    /** All of them or none. The lines must be of one class, each within `batchBytes`. */
    append(stream: Stream, lines: readonly string[]): void {
      inTransaction(() => {
        const now = ledger.now();
        for (const part of split(lines, limits)) {
          const body = bodyOf(part);
          const { livedMs } = now;
          rows.insertChunk({ stream, body, firstAtMs: now.wallMs, mark: markOf(now), livedMs });
          change(stream, body.records, body.bytes);
          open[stream].records += body.records;
          open[stream].bytes += body.bytes;
        }
        const { records, bytes } = open[stream];
        if (records >= limits.batchRecords || bytes > limits.batchBytes) seal(stream, false);
      });
    },
    /** What is held from before is backlog from here on. */
    startSession(): void {
      for (const stream of STREAMS) {
        if (open[stream].records > 0) inTransaction(() => seal(stream, true));
        heldUpTo[stream] = rows.lastId(stream);
      }
    },
    /** The batch on its way, else the oldest one of the lane, numbered now; null when there is none. */
    next<S extends Stream>(stream: S, lane: Lane): Handed<S> | null {
      for (;;) {
        const state = lanes.of(stream, lane);
        if (state.waitingId === 0 && !number(stream, lane)) return null;
        if (state.waitingId === 0) continue;
        const row = rows.batch(state.waitingId);
        const body = rows.body(state.waitingId);
        if (row !== null && (isWhole(body) || isOldAndReadable(stream, row, body))) {
          const { bootId, lastSeq: seq } = state;
          const isHeldOver = row.id <= heldUpTo[stream];
          return { bootId, seq, mark: row.mark, isHeldOver, records: recordsOf(stream, body) };
        }
        // Not what was sent: what is left of it gets another number, in another numbering.
        renumber(stream, lane);
      }
    },
    /** The batch on its way is committed. */
    forget(stream: Stream, lane: Lane): void {
      inTransaction(() => {
        const state = lanes.of(stream, lane);
        const row = rows.batch(state.waitingId);
        if (row !== null) remove(stream, row);
        state.waitingId = 0;
        lanes.save(stream, lane);
      });
    },
    dropOlderThan(stream: Stream, maxAgeMs: number): void {
      for (;;) {
        const row = rows.oldest(stream, 0, Number.MAX_SAFE_INTEGER, waiting(stream));
        if (row === null || ledger.now().livedMs - row.livedMs <= maxAgeMs) return;
        inTransaction(() => drop(stream, row));
      }
    },
    /** False when there are none. */
    dropOpen(stream: Stream): boolean {
      if (open[stream].records === 0) return false;
      inTransaction(() => {
        rows.deleteChunks(stream, Number.MAX_SAFE_INTEGER);
        change(stream, -open[stream].records, -open[stream].bytes);
        counts[stream].dropped += open[stream].records;
        Object.assign(open[stream], { records: 0, bytes: 0 });
      });
      return true;
    },
    /** When the oldest record was recorded, by the present clock; null when nothing is held. */
    oldestAtMs(stream: Stream): number | null {
      const row = rows.oldest(stream, 0, Number.MAX_SAFE_INTEGER, [0, 0]) ?? rows.firstChunk(stream);
      return row === null ? null : row.firstAtMs + stepSince(row.mark, ledger.now());
    },
  };
}

const isSameClock = (a: ClockMark, b: ClockMark): boolean =>
  a.osBoot === b.osBoot && Math.abs(a.offsetMs - b.offsetMs) < STEP_MIN_MS;

/** Older agents kept no checksum; their batch on its way is taken as it is when every record of it can be read. */
const isOldAndReadable = (stream: Stream, row: Row, body: StoredBody): boolean =>
  body.crc === null && recordsOf(stream, body).length === row.records;

/** So that each part fits into one batch. */
function split(lines: readonly string[], { batchRecords, batchBytes }: OutboxLimits): string[][] {
  const parts: string[][] = [];
  let bytes = 0;
  for (const line of lines) {
    const size = Buffer.byteLength(line) + 1;
    const part = parts.at(-1);
    if (part === undefined || part.length >= batchRecords || bytes + size > batchBytes) {
      parts.push([line]);
      bytes = size;
    } else {
      part.push(line);
      bytes += size;
    }
  }
  return parts;
}
