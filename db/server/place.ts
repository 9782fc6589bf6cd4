/** Where the embedded server keeps its files: in the data folder, or elsewhere when its user cannot reach that. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import type { Log } from '../log.ts';
import { messageOf, ServerError } from './server-error.ts';
import { findClosedFolder, type SystemUser } from './system-user.ts';

/** Outside every home folder, and there on every Linux. */
const FALLBACK_FOLDER = '/var/lib/ops-center-edge';
/** In the data folder: names the folder that was taken instead, so that both are found, moved and deleted together. */
const POINTER = 'moved-to';

/** Makes the data folder. @throws ServerError when that is not possible here. */
export function makeDataDir(dataDir: string): string {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    return realpathSync(dataDir);
  } catch (error) {
    throw new ServerError(
      `The data folder ${dataDir} cannot be made (${messageOf(error)}); choose another with --data-dir, or change the owner of the folder above.`,
    );
  }
}

/** The folder that holds `pgdata`: the data folder itself wherever `user` can reach it. */
export function settlePlace(dataDir: string, user: SystemUser | null, log: Log): string {
  const pointer = join(dataDir, POINTER);
  if (existsSync(pointer)) return readPointer(pointer, dataDir);
  if (user === null) return dataDir;
  openTheWay(dataDir);
  const closed = findClosedFolder(dataDir, user);
  if (closed === null) return dataDir;
  const parent = isTemporary(dataDir) ? tmpdir() : FALLBACK_FOLDER;
  mkdirSync(parent, { recursive: true, mode: 0o755 });
  const place = mkdtempSync(join(parent, 'postgres-'));
  allowSearch(place);
  writeFileSync(pointer, `${place}\n`, { mode: 0o600 });
  log.warn(
    { closed, user: user.name, place },
    'the database lies outside the data folder, which its user cannot reach',
  );
  return place;
}

function readPointer(pointer: string, dataDir: string): string {
  const place = readFileSync(pointer, 'utf8').trim();
  if (existsSync(place)) return place;
  throw new ServerError(
    `The database of ${dataDir} was kept in ${place}, which is gone; put it back, or delete ${dataDir} to start anew.`,
  );
}

/** Search without reading: names cannot be listed, and what is secret in there is 0600 besides. */
function openTheWay(dataDir: string): void {
  const above = dirname(dataDir);
  allowSearch(dataDir);
  if (above !== realHome()) allowSearch(above);
  // A temporary folder is private as it is made; a trial or a test in it should leave nothing elsewhere.
  for (let folder = above; isTemporary(folder); folder = dirname(folder)) allowSearch(folder);
}

const isTemporary = (path: string): boolean => path.startsWith(realpathSync(tmpdir()) + sep);

/** Only on folders of our own; those of others stay as they are. */
function allowSearch(folder: string): void {
  const { mode, uid } = statSync(folder);
  if (uid === process.getuid?.() && (mode & 0o001) === 0) chmodSync(folder, (mode & 0o7777) | 0o011);
}

const realHome = (): string => (existsSync(homedir()) ? realpathSync(homedir()) : homedir());
