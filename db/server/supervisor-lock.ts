/** A lock file, so that two supervisors never open one data folder. It names its holder and survives kill -9. */
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, startTimeOf } from './process-table.ts';
import { ServerError } from './server-error.ts';

/** A take-over lasts microseconds; one of this age was cut short by a crash. */
const TAKEOVER_MAX_AGE_MS = 5000;
const TAKEOVER_RETRY_MS = 20;

interface Holder {
  readonly pid: number;
  /** Tells the holder from a later process with the same number; empty where the system does not say. */
  readonly startedAt: string;
}

/** @throws ServerError when a living process holds it. */
export async function takeSupervisorLock(path: string, dataDir: string): Promise<{ release(): void }> {
  const mine: Holder = { pid: process.pid, startedAt: startTimeOf(process.pid) };
  const text = JSON.stringify(mine);
  while (!writeNew(path, text)) {
    const holder = readHolder(path);
    if (holder !== null && isAlive(holder)) {
      throw new ServerError(
        `The data folder ${dataDir} is in use by process ${holder.pid}; stop that one first, or give this one another --data-dir.`,
      );
    }
    await removeStale(path);
  }
  return {
    release() {
      if (readText(path) === text) unlinkSync(path);
    },
  };
}

/** Only one process at a time judges a stale lock: otherwise two could each remove what the other has just written. */
async function removeStale(path: string): Promise<void> {
  const takeover = `${path}.takeover`;
  try {
    mkdirSync(takeover);
  } catch (error) {
    if (!isExisting(error)) throw error;
    const age = Date.now() - (statSync(takeover, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > TAKEOVER_MAX_AGE_MS) rmdirSync(takeover);
    await sleep(TAKEOVER_RETRY_MS);
    return;
  }
  try {
    const holder = readHolder(path);
    if (readText(path) !== null && (holder === null || !isAlive(holder))) unlinkSync(path);
  } finally {
    rmdirSync(takeover);
  }
}

const isAlive = ({ pid, startedAt }: Holder): boolean =>
  isRunning(pid) && (startedAt === '' || startTimeOf(pid) === startedAt);

function readHolder(path: string): Holder | null {
  const [, pid, startedAt] = /^\{"pid":(\d+),"startedAt":"(\d*)"\}$/.exec(readText(path) ?? '') ?? [];
  return pid === undefined || startedAt === undefined ? null : { pid: Number(pid), startedAt };
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** By a link, so that nobody ever reads the file half written. @returns false when there is one already */
function writeNew(path: string, text: string): boolean {
  const draft = `${path}.${process.pid}.${randomUUID()}`;
  writeFileSync(draft, text, { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (isExisting(error)) return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

const isExisting = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EEXIST';
