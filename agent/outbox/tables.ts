/** The outbox's SQLite file: opening, checking, and moving a damaged one aside. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { AgentError, messageOf } from '../errors.ts';
import type { Durability } from '../state.ts';

/** SQLITE_BUSY, _CORRUPT, _NOTADB. Source: sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const DAMAGE_CODES: readonly number[] = [11, 26];

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS numbering (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    boot_id TEXT NOT NULL, last_seq INTEGER NOT NULL, waiting_id INTEGER NOT NULL, dropped INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT, newest_at INTEGER NOT NULL, records INTEGER NOT NULL,
    bytes INTEGER NOT NULL, is_thin INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS batches_thick ON batches (id) WHERE is_thin = 0;
  CREATE TABLE IF NOT EXISTS pending (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, bytes INTEGER NOT NULL, body TEXT NOT NULL);`;

/**
 * With WAL, NORMAL and even OFF lose nothing to kill -9. NORMAL may lose the last transactions to a power cut, which is
 * why those that must not be lost are committed under FULL.
 */
export const SYNCHRONOUS: Readonly<Record<Durability, { usual: string; durable: string }>> = {
  'power-cut': { usual: 'PRAGMA synchronous = NORMAL', durable: 'PRAGMA synchronous = FULL' },
  process: { usual: 'PRAGMA synchronous = OFF', durable: 'PRAGMA synchronous = OFF' },
};

/** What SQLite's own check found. */
class DamagedError extends Error {
  override name = 'DamagedError';
}

/** Opens or makes the file. @throws AgentError `state` when another agent holds it; Error for damage and disk errors. */
export function openTables(file: string, durability: Durability): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    // The exclusive lock keeps a second agent off this state folder, ends with the process whatever kills it, and
    // saves the shared-memory file.
    database.exec(
      `PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; ${SYNCHRONOUS[durability].usual}`,
    );
    database.exec('PRAGMA wal_autocheckpoint = 256; PRAGMA cache_size = -512;');
    database.exec(SCHEMA);
    const [check] = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {});
    if (check !== 'ok') throw new DamagedError(String(check));
    return database;
  } catch (error) {
    database.close();
    if ((codeOf(error) & 0xff) === SQLITE_BUSY) {
      throw new AgentError('state', `${file} is in use: another agent runs on this state folder`);
    }
    throw error;
  }
}

export const isDamage = (error: unknown): boolean =>
  error instanceof DamagedError || DAMAGE_CODES.includes(codeOf(error) & 0xff);

/** Keeps the newest damaged file for a look at it; an older one makes room. Returns its name. */
export function moveAside(file: string): string {
  const aside = `${file}.damaged`;
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(`${aside}${suffix}`, { force: true });
    if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${aside}${suffix}`);
  }
  return aside;
}

/** Opens the file, or a fresh one beside the damaged one. `damage` says what was wrong. */
export function openOrReplace(
  file: string,
  durability: Durability,
): { database: DatabaseSync; damage: string | null } {
  try {
    return { database: openTables(file, durability), damage: null };
  } catch (error) {
    if (!isDamage(error)) throw error;
    moveAside(file);
    return { database: openTables(file, durability), damage: messageOf(error) };
  }
}

const codeOf = (error: unknown): number =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0;
