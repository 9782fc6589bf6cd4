/** One supervisor per data folder. The lock names its process, so a crash leaves nothing to clean by hand. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import { processIdentity } from './process-identity.ts';
import { StartError } from './start-error.ts';

/** Two starts at once can each find the other's stale file; more rounds than this mean something else. */
const MAX_ROUNDS = 5;

const LockFile = Type.Object({ pid: Type.Integer(), identity: Type.String() });

export interface Lock {
  /** Gives the folder free; idempotent. */
  release(): void;
}

/** @throws StartError when a live process holds the folder. */
export function takeLock(
  dataDir: string,
  own = { pid: process.pid, identity: processIdentity(process.pid) ?? '' },
): Lock {
  const file = join(dataDir, 'lock');
  const draft = join(dataDir, `lock.${own.pid}`);
  writeFileSync(draft, `${JSON.stringify(own)}\n`, { mode: 0o600 });
  try {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      if (linkIfAbsent(draft, file)) return { release: () => releaseIfOwn(file, own) };
      const holder = readHolder(file);
      if (holder !== null && processIdentity(holder.pid) === holder.identity) {
        throw new StartError(
          `Another instance (process ${holder.pid}) runs on the data folder ${dataDir}. ` +
            `Stop it (kill ${holder.pid}), or start with another --data-dir.`,
        );
      }
      removeStale(file, own.pid);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new StartError(
    `The lock of the data folder ${dataDir} cannot be taken. Remove ${file} and start again.`,
  );
}

/** link(2) fails where the name exists, and the file appears with its whole content: no half-written lock. */
function linkIfAbsent(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** null for a file that vanished or that nobody can have written whole. */
function readHolder(file: string): { pid: number; identity: string } | null {
  try {
    const decoded = decodeValue(LockFile, JSON.parse(readFileSync(file, 'utf8')));
    return decoded.ok ? decoded.value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function removeStale(file: string, pid: number): void {
  const aside = `${file}.stale.${pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  // Between reading and renaming another start may have replaced the stale lock by its own: give it back.
  const moved = readHolder(aside);
  if (moved !== null && processIdentity(moved.pid) === moved.identity) linkIfAbsent(aside, file);
  rmSync(aside, { force: true });
}

function releaseIfOwn(file: string, own: { pid: number; identity: string }): void {
  const holder = readHolder(file);
  if (holder?.pid === own.pid && holder.identity === own.identity) rmSync(file, { force: true });
}
