/** Tables of the outbox file, and how a file of an older agent is brought forward without copying what it holds. */
import type { DatabaseSync } from 'node:sqlite';

/** Kept in `PRAGMA user_version`. 1: metrics only, made by agents up to 0.1; they left it at 0. */
export const SCHEMA_VERSION = 2;

/** A file of a newer agent: nobody knows what it means. */
export class NewerFileError extends Error {
  override name = 'NewerFileError';
}

/**
 * `state`: counts beside what they count, so that what a damaged page took is known. `chunks`: what single appends brought. `batches`: chunks put together; one that a lane waits for has that lane's last
 * number. Bodies are lines of JSON, one for each record, and stand last so that the other columns are read without them.
 */
const CREATE = `
  CREATE TABLE IF NOT EXISTS state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    os_boot TEXT NOT NULL, mono_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL, lived_ms INTEGER NOT NULL,
    dropped_events INTEGER NOT NULL DEFAULT 0, dropped_logs INTEGER NOT NULL DEFAULT 0,
    dropped_metrics INTEGER NOT NULL DEFAULT 0,
    held_events INTEGER NOT NULL DEFAULT 0, held_logs INTEGER NOT NULL DEFAULT 0,
    held_metrics INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE IF NOT EXISTS lanes (
    stream TEXT NOT NULL, lane TEXT NOT NULL,
    boot_id TEXT NOT NULL, last_seq INTEGER NOT NULL, waiting_id INTEGER NOT NULL,
    PRIMARY KEY (stream, lane)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, records INTEGER NOT NULL, bytes INTEGER NOT NULL,
    thinned INTEGER NOT NULL DEFAULT 0, first_at INTEGER NOT NULL, os_boot TEXT NOT NULL DEFAULT '',
    offset_ms INTEGER NOT NULL DEFAULT 0, lived_ms INTEGER, crc INTEGER, body TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS batches_stream ON batches (stream, id);
  CREATE INDEX IF NOT EXISTS batches_thinned ON batches (stream, thinned, id);
  CREATE TABLE IF NOT EXISTS chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, records INTEGER NOT NULL, bytes INTEGER NOT NULL,
    first_at INTEGER NOT NULL, os_boot TEXT NOT NULL DEFAULT '',
    offset_ms INTEGER NOT NULL DEFAULT 0, lived_ms INTEGER, crc INTEGER, body TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS chunks_stream ON chunks (stream, id);`;

/** Adds columns in place: a full disk has no room for a second copy. */
const FORWARD_FROM_1 = `
  DROP INDEX IF EXISTS batches_thick;
  ALTER TABLE batches RENAME COLUMN newest_at TO first_at;
  ALTER TABLE batches RENAME COLUMN is_thin TO thinned;
  ALTER TABLE batches ADD COLUMN stream TEXT NOT NULL DEFAULT 'metrics';
  ALTER TABLE pending RENAME TO chunks;
  ALTER TABLE chunks RENAME COLUMN at TO first_at;
  ALTER TABLE chunks ADD COLUMN stream TEXT NOT NULL DEFAULT 'metrics';
  ALTER TABLE chunks ADD COLUMN records INTEGER NOT NULL DEFAULT 1;
  ${['batches', 'chunks']
    .map(
      (table) => `
  ALTER TABLE ${table} ADD COLUMN os_boot TEXT NOT NULL DEFAULT '';
  ALTER TABLE ${table} ADD COLUMN offset_ms INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE ${table} ADD COLUMN lived_ms INTEGER;
  ALTER TABLE ${table} ADD COLUMN crc INTEGER;`,
    )
    .join('')}`;

/** Of the old numbering: it goes on as the live lane of metrics, so that the batch on its way keeps its number. */
const KEEP_NUMBERING = `
  INSERT INTO lanes (stream, lane, boot_id, last_seq, waiting_id)
    SELECT 'metrics', 'live', boot_id, last_seq, waiting_id FROM numbering;
  INSERT INTO state (one, os_boot, mono_ms, wall_ms, lived_ms, dropped_metrics)
    SELECT 1, '', 0, @now, @now, dropped FROM numbering;
  DROP TABLE numbering;`;

/** One transaction: after a crash the file is either as before or as wanted. @throws NewerFileError */
export function bringForward(database: DatabaseSync, nowMs: number): void {
  const version = Number(Object.values(database.prepare('PRAGMA user_version').get() ?? {})[0] ?? 0);
  if (version === SCHEMA_VERSION) return;
  if (version > SCHEMA_VERSION) throw new NewerFileError(`made by a newer agent (version ${version})`);
  const isOld =
    database.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'numbering'").get() !==
    undefined;
  database.exec('BEGIN IMMEDIATE');
  try {
    if (isOld) database.exec(FORWARD_FROM_1);
    database.exec(CREATE);
    if (isOld) database.exec(KEEP_NUMBERING.replaceAll('@now', String(Math.round(nowMs))));
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
