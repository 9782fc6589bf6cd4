/** The folder of all state: made with 0700, and checked before anything is started on it. */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  type Stats,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { StartError } from './start-error.ts';

/** Room for the database cluster (40 MB), its first write-ahead log (32 MB), the agent package (130 MB) and logs. */
export const MIN_FREE_BYTES = 300 * 1024 * 1024;
const PROBE_BYTES = 64 * 1024;

export interface FolderOwner {
  /** User id of this process; null where the platform has none. */
  readonly uid: number | null;
  readonly minFreeBytes?: number;
}

/**
 * Creates the folder where it is missing, takes rights of others away and tries a real write.
 * @throws StartError with the remedy: not a folder, another user's, not writable, full.
 */
export function prepareDataFolder(path: string, owner: FolderOwner): void {
  const stats = attempt(path, () => {
    makeFolder(path);
    return statSync(path);
  });
  const complaint = judgeFolder(path, stats, owner.uid);
  if (complaint !== null) throw new StartError(complaint);
  attempt(path, () => {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    // Execute for others stays where it is: an embedded PostgreSQL under another user passes through this folder.
    if ((stats.mode & 0o066) !== 0) chmodSync(path, stats.mode & 0o711);
    writeProbe(join(path, `.probe-${process.pid}`));
  });
  const free = statfsSync(path);
  const freeBytes = free.bavail * free.bsize;
  const needed = owner.minFreeBytes ?? MIN_FREE_BYTES;
  if (freeBytes < needed) {
    throw new StartError(
      `The disk of the data folder ${path} has ${megabytes(freeBytes)} MB left, ${megabytes(needed)} MB are needed. ` +
        'Free some space, or choose a folder on another disk with --data-dir.',
    );
  }
}

/** Pure: what is wrong with an existing path as data folder, or null. */
export function judgeFolder(
  path: string,
  stats: Pick<Stats, 'isDirectory' | 'uid'>,
  uid: number | null,
): string | null {
  if (!stats.isDirectory()) {
    return `The data folder ${path} is a file. Move it away, or choose another folder with --data-dir.`;
  }
  if (uid !== null && stats.uid !== uid) {
    const other = stats.uid === 0 ? 'root' : `user ${stats.uid}`;
    const own = uid === 0 ? 'root' : `user ${uid}`;
    return (
      `The data folder ${path} belongs to ${other}, and this process runs as ${own}. ` +
      `Start as ${other}, or choose another folder with --data-dir.`
    );
  }
  return null;
}

/** Pure: the sentence for a failed file operation on the data folder. */
export function explainFolderError(path: string, code: string | undefined): string | null {
  switch (code) {
    case 'EEXIST':
    case 'ENOTDIR':
      return `The data folder ${path} cannot be made because a file is in its place. Move it away, or choose another folder with --data-dir.`;
    case 'EACCES':
    case 'EPERM':
      return `The data folder ${path} is not writable for this user. Give this user the folder (chown), or choose another one with --data-dir.`;
    case 'ENOENT':
    case 'EROFS':
      return `The data folder ${path} is on a file system that takes no new files. Choose another folder with --data-dir.`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `The disk of the data folder ${path} is full. Free some space, or choose a folder on another disk with --data-dir.`;
    default:
      return null;
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const sentence = explainFolderError(path, codeOf(error));
    throw sentence === null ? error : new StartError(sentence, { cause: error });
  }
}

/** mkdir -p. Not Node's own `recursive`, which never returns where a file system answers ENOENT, as /proc does. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw error;
    makeFolder(dirname(path));
    mkdirSync(path, { mode: 0o700 });
  }
}

function writeProbe(file: string): void {
  try {
    const descriptor = openSync(file, 'w', 0o600);
    try {
      writeSync(descriptor, Buffer.alloc(PROBE_BYTES, 1));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } finally {
    rmSync(file, { force: true });
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1_048_576);
}
