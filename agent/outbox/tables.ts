/** The outbox's SQLite file: opening, checking, and replacing a damaged one by what could be saved of it. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { AgentError, messageOf } from '../errors.ts';
import type { Durability } from '../state.ts';
import { salvage } from './salvage.ts';
import { bringForward, NewerFileError } from './schema.ts';

/** SQLITE_BUSY, _CORRUPT, _NOTADB, _FULL. Source: sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const DAMAGE_CODES: readonly number[] = [11, 26];
const SQLITE_FULL = 13;

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

export interface OpenedTables {
  readonly database: DatabaseSync;
  /** What was wrong with the file before; null where nothing was. */
  readonly damage: string | null;
  /** Records that were saved out of the damaged file. */
  readonly saved: number;
}

/** Opens or makes the file. @throws AgentError `state` when another agent holds it; Error for damage and disk errors. */
function openTables(file: string, durability: Durability, nowMs: number): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    // The exclusive lock keeps a second agent off this state folder, ends with the process whatever kills it, and
    // saves the shared-memory file.
    database.exec(
      `PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; ${SYNCHRONOUS[durability].usual}`,
    );
    database.exec('PRAGMA wal_autocheckpoint = 256; PRAGMA cache_size = -512;');
    const [check] = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {});
    if (check !== 'ok') throw new DamagedError(String(check));
    bringForward(database, nowMs);
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
  error instanceof DamagedError ||
  error instanceof NewerFileError ||
  DAMAGE_CODES.includes(codeOf(error) & 0xff);

export const isDiskFull = (error: unknown): boolean => (codeOf(error) & 0xff) === SQLITE_FULL;

/** Opens the file, or a fresh one with what could be saved of the damaged one, which stays beside it as `.damaged`. */
export function openOrReplace(file: string, durability: Durability, nowMs: number): OpenedTables {
  finishReplacement(file);
  try {
    return { database: openTables(file, durability, nowMs), damage: null, saved: 0 };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { ...replaceDamaged(file, durability, nowMs), damage: messageOf(error) };
  }
}

/** The damaged file must be closed. A crash on the way leaves either the damaged file or the whole new one in place. */
export function replaceDamaged(
  file: string,
  durability: Durability,
  nowMs: number,
): { database: DatabaseSync; saved: number } {
  const draft = draftOf(file);
  removeAll(draft);
  const fresh = openTables(draft, durability, nowMs);
  const saved = salvage(file, fresh);
  fresh.close();
  moveAside(file);
  renameSync(draft, file);
  return { database: openTables(file, durability, nowMs), saved };
}

const draftOf = (file: string): string => `${file}.new`;

/** After a crash between the two renames the new file waits beside an empty place. */
function finishReplacement(file: string): void {
  const draft = draftOf(file);
  if (!existsSync(draft)) return;
  if (existsSync(file)) removeAll(draft);
  else renameSync(draft, file);
}

/** Keeps the newest damaged file for a look at it; an older one makes room. */
function moveAside(file: string): void {
  const aside = `${file}.damaged`;
  removeAll(aside);
  // The log first: without it the file beside it would be taken for whole by a later start.
  for (const suffix of ['-wal', '-shm', '']) {
    if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${aside}${suffix}`);
  }
}

function removeAll(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
}

const codeOf = (error: unknown): number =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0;
