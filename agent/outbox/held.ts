/** What one open outbox file holds: the statements, with totals and numbering mirrored in memory. */
import type { DatabaseSync } from 'node:sqlite';
import { decodeValue, type MetricRecord, MetricsBatch } from '#contract';
import type { Durability } from '../state.ts';
import type { Numbering } from './ack-decision.ts';
import type { OutboxLimits } from './limits.ts';
import { SYNCHRONOUS } from './tables.ts';
import { thin } from './thinning.ts';

interface Row {
  readonly id: number;
  readonly at: number;
  readonly records: number;
  readonly bytes: number;
}

export interface Held {
  readonly totals: { readonly records: number; readonly bytes: number; readonly dropped: number };
  numbering(): Numbering;
  /** Counts records that were lost outside of the tables. */
  countDropped(records: number): void;
  append(records: readonly MetricRecord[], atMs: number): void;
  /** Seals when the open records fill a batch. */
  sealFull(limits: OutboxLimits): void;
  /** The batch on its way, else the oldest one, numbered now; null when nothing is held. */
  next(limits: OutboxLimits): MetricsBatch | null;
  /** The batch on its way is committed. */
  forget(): void;
  renumber(bootId: string): void;
  /** Thins the oldest batch that is not thin and not numbered. False when there is none. */
  thinOldest(): boolean;
  /** Drops the oldest batch that is not numbered, else the open records. False when there are none. */
  dropOldest(): boolean;
  dropOlderThan(atMs: number): void;
  close(): void;
}

export function holdTables(
  database: DatabaseSync,
  newId: () => string,
  durability: Durability = 'power-cut',
): Held {
  database
    .prepare(
      'INSERT OR IGNORE INTO numbering (one, boot_id, last_seq, waiting_id, dropped) VALUES (1, ?, 0, 0, 0)',
    )
    .run(newId());
  const stored = database.prepare('SELECT boot_id, last_seq, waiting_id, dropped FROM numbering').get() ?? {};
  const sums = (table: string, count: string) => {
    const row = database
      .prepare(`SELECT ${count} AS records, coalesce(sum(bytes), 0) AS bytes FROM ${table}`)
      .get();
    return { records: Number(row?.records ?? 0), bytes: Number(row?.bytes ?? 0) };
  };
  const sealed = sums('batches', 'coalesce(sum(records), 0)');
  const pending = sums('pending', 'count(*)');
  const totals = {
    records: sealed.records + pending.records,
    bytes: sealed.bytes + pending.bytes,
    dropped: Number(stored.dropped),
  };
  const number = {
    bootId: String(stored.boot_id),
    lastSeq: Number(stored.last_seq),
    /** Row of the numbered batch that waits for its acknowledgement; 0 = none. */
    waitingId: Number(stored.waiting_id),
  };

  const insertPending = database.prepare('INSERT INTO pending (at, bytes, body) VALUES (?, ?, ?)');
  const selectPending = database.prepare('SELECT id, at, bytes, body FROM pending ORDER BY id');
  const deletePending = database.prepare('DELETE FROM pending WHERE id <= ?');
  const insertBatch = database.prepare(
    'INSERT INTO batches (newest_at, records, bytes, body) VALUES (?, ?, ?, ?)',
  );
  const deleteBatch = database.prepare('DELETE FROM batches WHERE id = ?');
  const oldestUnnumbered = database.prepare(
    'SELECT id, newest_at AS at, records, bytes FROM batches WHERE id > ? ORDER BY id LIMIT 1',
  );
  const oldestThick = database.prepare(
    'SELECT id, newest_at AS at, records, bytes FROM batches WHERE is_thin = 0 AND id > ? ORDER BY id LIMIT 1',
  );
  const bodyOf = database.prepare('SELECT body FROM batches WHERE id = ?');
  const updateBatch = database.prepare(
    'UPDATE batches SET is_thin = 1, records = ?, bytes = ?, body = ? WHERE id = ?',
  );
  const saveNumbering = database.prepare(
    'UPDATE numbering SET boot_id = ?, last_seq = ?, waiting_id = ?, dropped = ? WHERE one = 1',
  );

  const inTransaction = (work: () => void, isDurable = false): void => {
    const before = { number: { ...number }, totals: { ...totals }, pending: { ...pending } };
    if (isDurable) database.exec(SYNCHRONOUS[durability].durable);
    try {
      database.exec('BEGIN IMMEDIATE');
      work();
      saveNumbering.run(number.bootId, number.lastSeq, number.waitingId, totals.dropped);
      database.exec('COMMIT');
    } catch (error) {
      Object.assign(number, before.number);
      Object.assign(totals, before.totals);
      Object.assign(pending, before.pending);
      // A failed COMMIT may have ended the transaction already.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    } finally {
      if (isDurable) database.exec(SYNCHRONOUS[durability].usual);
    }
  };
  const change = (records: number, bytes: number): void => {
    totals.records += records;
    totals.bytes += bytes;
  };
  const drop = (row: Row): void =>
    inTransaction(() => {
      deleteBatch.run(row.id);
      change(-row.records, -row.bytes);
      totals.dropped += row.records;
    });
  const recordsOf = (id: number): MetricRecord[] | null => {
    const decoded = decodeValue(MetricsBatch, {
      boot_id: number.bootId,
      seq: 1,
      records: parse(bodyOf.get(id)?.body),
    });
    return decoded.ok ? decoded.value.records : null;
  };

  /** Moves the open records into batches. `withRest`: a last one that is not full, too. */
  const seal = (limits: OutboxLimits, withRest: boolean): void => {
    let group: Array<{ row: Row; body: string }> = [];
    let groupBytes = 0;
    const closeGroup = (): void => {
      const last = group.at(-1);
      if (last === undefined) return;
      insertBatch.run(last.row.at, group.length, groupBytes, `[${group.map(({ body }) => body).join(',')}]`);
      deletePending.run(last.row.id);
      pending.records -= group.length;
      pending.bytes -= groupBytes;
      group = [];
      groupBytes = 0;
    };
    for (const raw of selectPending.all()) {
      const row = readRow({ ...raw, records: 1 });
      if (group.length >= limits.batchRecords || groupBytes + row.bytes > limits.batchBytes) closeGroup();
      group.push({ row, body: String(raw.body) });
      groupBytes += row.bytes;
    }
    if (withRest || group.length >= limits.batchRecords) closeGroup();
  };

  const held: Held = {
    totals,
    numbering: () => ({ ...number, isWaiting: number.waitingId !== 0 }),
    countDropped: (records) =>
      inTransaction(() => {
        totals.dropped += records;
      }),
    append: (records, atMs) =>
      inTransaction(() => {
        for (const record of records) {
          const body = JSON.stringify(record);
          const bytes = Buffer.byteLength(body) + 1;
          insertPending.run(atMs, bytes, body);
          change(1, bytes);
          pending.records += 1;
          pending.bytes += bytes;
        }
      }),
    sealFull(limits) {
      if (pending.records < limits.batchRecords && pending.bytes <= limits.batchBytes) return;
      inTransaction(() => seal(limits, false));
    },
    next(limits) {
      for (;;) {
        if (number.waitingId === 0) {
          let row = oldestUnnumbered.get(0);
          if (row === undefined && pending.records > 0) {
            inTransaction(() => seal(limits, true));
            row = oldestUnnumbered.get(0);
          }
          if (row === undefined) return null;
          const { id } = readRow(row);
          // Durable before the server can see it: after a power cut the number must not come back with other content.
          inTransaction(() => {
            number.lastSeq += 1;
            number.waitingId = id;
          }, true);
        }
        const records = recordsOf(number.waitingId);
        if (records !== null) return { boot_id: number.bootId, seq: number.lastSeq, records };
        // Unreadable, so never sent as it is: it is lost, and its number with the numbering.
        const lost = readRow(oldestUnnumbered.get(number.waitingId - 1) ?? {});
        held.renumber(newId());
        drop(lost);
      }
    },
    forget: () =>
      inTransaction(() => {
        const row = readRow(oldestUnnumbered.get(number.waitingId - 1) ?? {});
        deleteBatch.run(number.waitingId);
        change(-row.records, -row.bytes);
        number.waitingId = 0;
      }),
    renumber: (bootId) =>
      inTransaction(() => Object.assign(number, { bootId, lastSeq: 0, waitingId: 0 }), true),
    thinOldest() {
      const found = oldestThick.get(number.waitingId);
      if (found === undefined) return false;
      const row = readRow(found);
      const records = recordsOf(row.id);
      if (records === null) {
        drop(row);
        return true;
      }
      const kept = thin(records);
      const body = JSON.stringify(kept);
      const bytes = Buffer.byteLength(body) - 1;
      inTransaction(() => {
        updateBatch.run(kept.length, bytes, body, row.id);
        change(kept.length - row.records, bytes - row.bytes);
        totals.dropped += row.records - kept.length;
      });
      return true;
    },
    dropOldest() {
      const found = oldestUnnumbered.get(number.waitingId);
      if (found !== undefined) {
        drop(readRow(found));
        return true;
      }
      if (pending.records === 0) return false;
      inTransaction(() => {
        database.exec('DELETE FROM pending');
        change(-pending.records, -pending.bytes);
        totals.dropped += pending.records;
        Object.assign(pending, { records: 0, bytes: 0 });
      });
      return true;
    },
    dropOlderThan(atMs) {
      for (;;) {
        const found = oldestUnnumbered.get(number.waitingId);
        if (found === undefined || readRow(found).at >= atMs) return;
        drop(readRow(found));
      }
    },
    close: () => database.close(),
  };
  return held;
}

const readRow = (row: Readonly<Record<string, unknown>>): Row => ({
  id: Number(row.id ?? 0),
  at: Number(row.at ?? 0),
  records: Number(row.records ?? 0),
  bytes: Number(row.bytes ?? 0),
});

function parse(body: unknown): unknown {
  try {
    return JSON.parse(String(body));
  } catch {
    return null;
  }
}
