/** The statements on chunks and batches, each row decoded once. */
import type { DatabaseSync } from 'node:sqlite';
import type { Stream } from '#contract';
import type { Body } from './body.ts';
import type { ClockMark } from './recorded-time.ts';

export interface Row {
  readonly id: number;
  readonly records: number;
  readonly bytes: number;
  readonly firstAtMs: number;
  readonly livedMs: number;
  readonly mark: ClockMark;
}

export interface StoredBody {
  readonly text: string;
  readonly crc: number | null;
}

export interface NewRow {
  readonly stream: Stream;
  readonly body: Body;
  readonly firstAtMs: number;
  readonly livedMs: number;
  readonly mark: ClockMark;
}

export interface Sum {
  readonly stream: string;
  readonly records: number;
  readonly bytes: number;
}

const HEAD =
  'id, records, bytes, first_at, coalesce(lived_ms, first_at) AS lived_ms, os_boot, offset_ms' as const;
const VALUES = '(stream, records, bytes, first_at, os_boot, offset_ms, lived_ms, crc, body)' as const;

export type Rows = ReturnType<typeof prepareRows>;

export function prepareRows(database: DatabaseSync) {
  const insertChunk = database.prepare(`INSERT INTO chunks ${VALUES} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const insertBatch = database.prepare(`INSERT INTO batches ${VALUES} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const chunks = database.prepare(`SELECT ${HEAD}, crc, body FROM chunks WHERE stream = ? ORDER BY id`);
  const firstChunk = database.prepare(`SELECT ${HEAD} FROM chunks WHERE stream = ? ORDER BY id LIMIT 1`);
  const deleteChunks = database.prepare('DELETE FROM chunks WHERE stream = ? AND id <= ?');
  const batch = database.prepare(`SELECT ${HEAD} FROM batches WHERE id = ?`);
  const body = database.prepare('SELECT crc, body FROM batches WHERE id = ?');
  const deleteBatch = database.prepare('DELETE FROM batches WHERE id = ?');
  const oldest = database.prepare(
    `SELECT ${HEAD} FROM batches WHERE stream = ? AND id > ? AND id <= ? AND id NOT IN (?, ?) ORDER BY id LIMIT 1`,
  );
  const oldestThinned = database.prepare(
    `SELECT ${HEAD} FROM batches WHERE stream = ? AND thinned = ? AND id NOT IN (?, ?) ORDER BY id LIMIT 1`,
  );
  const lastId = database.prepare('SELECT max(id) AS id FROM batches WHERE stream = ?');
  const updateBody = database.prepare(
    'UPDATE batches SET thinned = max(thinned, ?), records = ?, bytes = ?, os_boot = ?, offset_ms = ?, first_at = ?, crc = ?, body = ? WHERE id = ?',
  );
  const setThinned = database.prepare('UPDATE batches SET thinned = ? WHERE id = ?');
  const sums = (['batches', 'chunks'] as const).map((table) =>
    database.prepare(
      `SELECT stream, sum(records) AS records, sum(bytes) AS bytes FROM ${table} GROUP BY stream`,
    ),
  );
  const values = ({ stream, body: { records, bytes, crc, text }, firstAtMs, livedMs, mark }: NewRow) =>
    [stream, records, bytes, firstAtMs, mark.osBoot, mark.offsetMs, livedMs, crc, text] as const;
  const maybe = (row: Record<string, unknown> | undefined): Row | null =>
    row === undefined ? null : readRow(row);

  return {
    insertChunk: (row: NewRow): void => void insertChunk.run(...values(row)),
    insertBatch: (row: NewRow): void => void insertBatch.run(...values(row)),
    /** Oldest first. */
    chunks: (stream: Stream): Array<{ row: Row; body: StoredBody }> =>
      chunks.all(stream).map((row) => ({ row: readRow(row), body: readBody(row) })),
    firstChunk: (stream: Stream): Row | null => maybe(firstChunk.get(stream)),
    deleteChunks: (stream: Stream, lastChunkId: number): void => void deleteChunks.run(stream, lastChunkId),
    batch: (id: number): Row | null => maybe(batch.get(id)),
    body: (id: number): StoredBody => readBody(body.get(id) ?? {}),
    deleteBatch: (id: number): void => void deleteBatch.run(id),
    /** Oldest batch of the class with an id in (above, upTo] that is none of the two. */
    oldest: (stream: Stream, above: number, upTo: number, not: readonly [number, number]): Row | null =>
      maybe(oldest.get(stream, above, upTo, ...not)),
    oldestThinned: (stream: Stream, thinned: number, not: readonly [number, number]): Row | null =>
      maybe(oldestThinned.get(stream, thinned, ...not)),
    /** 0 when the class has no batch. */
    lastId: (stream: Stream): number => Number(lastId.get(stream)?.id ?? 0),
    updateBody: (
      id: number,
      thinned: number,
      { records, bytes, crc, text }: Body,
      { mark, firstAtMs }: { mark: ClockMark; firstAtMs: number },
    ): void =>
      void updateBody.run(thinned, records, bytes, mark.osBoot, mark.offsetMs, firstAtMs, crc, text, id),
    setThinned: (id: number, thinned: number): void => void setThinned.run(thinned, id),
    sums: (): { batches: Sum[]; chunks: Sum[] } => {
      const [inBatches = [], inChunks = []] = sums.map((sum) =>
        sum.all().map((row) => ({
          stream: String(row.stream),
          records: Number(row.records),
          bytes: Number(row.bytes),
        })),
      );
      return { batches: inBatches, chunks: inChunks };
    },
  };
}

const readRow = (row: Readonly<Record<string, unknown>>): Row => ({
  id: Number(row.id),
  records: Number(row.records),
  bytes: Number(row.bytes),
  firstAtMs: Number(row.first_at),
  livedMs: Number(row.lived_ms),
  mark: { osBoot: String(row.os_boot), offsetMs: Number(row.offset_ms) },
});

const readBody = (row: Readonly<Record<string, unknown>>): StoredBody => ({
  text: String(row.body ?? ''),
  crc: typeof row.crc === 'number' ? row.crc : null,
});
