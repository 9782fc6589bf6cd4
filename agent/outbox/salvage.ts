/** Saves out of a damaged outbox file whatever can still be read, row by row, past the rows that cannot. */
import { existsSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

const LANE_COLUMNS = 'stream, lane, boot_id, last_seq, waiting_id';
const COLUMNS = 'id, stream, records, bytes, first_at, os_boot, offset_ms, lived_ms, crc, body';
/** Rows in a row that may be unreadable before the rest is given up: a page holds far fewer. */
const MAX_UNREADABLE_ROWS = 10_000;

/**
 * Copies numbering, counters and records into the fresh file, which has the same tables. Ids stay, and with them the
 * order and the batches on their way. Returns the number of records saved; never throws for what cannot be read.
 */
export function salvage(file: string, fresh: DatabaseSync): number {
  if (!existsSync(file)) return 0;
  let damaged: DatabaseSync;
  try {
    damaged = new DatabaseSync(file);
  } catch {
    return 0;
  }
  try {
    attempt(() => {
      const state = damaged.prepare('SELECT * FROM state').get();
      if (state === undefined) return;
      const names = Object.keys(state);
      fresh
        .prepare(
          `INSERT OR REPLACE INTO state (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
        )
        .run(...Object.values(state));
    });
    attempt(() => {
      const insert = fresh.prepare(`INSERT OR REPLACE INTO lanes (${LANE_COLUMNS}) VALUES (?, ?, ?, ?, ?)`);
      for (const row of damaged.prepare(`SELECT ${LANE_COLUMNS} FROM lanes`).all()) {
        insert.run(...Object.values(row));
      }
    });
    return copyRows(damaged, fresh, 'batches') + copyRows(damaged, fresh, 'chunks');
  } finally {
    attempt(() => damaged.close());
  }
}

/** Each row by its own look-up: a scan ends at the first bad page. */
function copyRows(damaged: DatabaseSync, fresh: DatabaseSync, table: 'batches' | 'chunks'): number {
  let saved = 0;
  const columns = table === 'batches' ? `${COLUMNS}, thinned` : COLUMNS;
  attempt(() => {
    const read = damaged.prepare(`SELECT ${columns} FROM ${table} WHERE id = ?`);
    const write = fresh.prepare(`INSERT INTO ${table} (${columns}) VALUES (${columns.replace(/\w+/g, '?')})`);
    const { first, last } = idRange(damaged, table);
    let unreadable = 0;
    for (let id = first; id <= last && unreadable < MAX_UNREADABLE_ROWS; id += 1) {
      const records = copyRow(read, write, id);
      if (records === null) unreadable += 1;
      else {
        saved += records;
        unreadable = 0;
      }
    }
  });
  return saved;
}

/** Records of the row; 0 when there is no such row, null when it cannot be read. */
function copyRow(read: StatementSync, write: StatementSync, id: number): number | null {
  let row: ReturnType<StatementSync['get']>;
  try {
    row = read.get(id);
  } catch {
    return null;
  }
  if (row === undefined) return 0;
  write.run(...Object.values(row));
  return Number(row.records);
}

/** By the table's own ends, else by the counter of ids. */
function idRange(damaged: DatabaseSync, table: string): { first: number; last: number } {
  const ask = (sql: string): number => {
    try {
      return Number(Object.values(damaged.prepare(sql).get() ?? {})[0] ?? 0);
    } catch {
      return 0;
    }
  };
  const last = Math.max(
    ask(`SELECT id FROM ${table} ORDER BY id DESC LIMIT 1`),
    ask(`SELECT seq FROM sqlite_sequence WHERE name = '${table}'`),
  );
  const first = ask(`SELECT id FROM ${table} ORDER BY id LIMIT 1`);
  return { first: first === 0 ? Math.max(1, last - MAX_UNREADABLE_ROWS) : first, last };
}

function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // Not readable, or no room: what is missing is counted by the caller against what was held.
  }
}
