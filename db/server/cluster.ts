/** The database cluster on disk: made once by initdb, recognised by PG_VERSION. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../log.ts';
import type { Binaries } from './binaries.ts';
import { messageOf, ServerError } from './server-error.ts';
import type { SystemUser } from './system-user.ts';

export const SUPERUSER = 'edge';
const PASSWORD_BYTES = 24;
const INITDB_TIMEOUT_MS = 120_000;

export interface ExistingCluster {
  readonly major: number;
  readonly ownerUid: number;
}

/** Null when there is none yet. @throws ServerError when the folder holds something else. */
export function readCluster(pgdata: string): ExistingCluster | null {
  if (!existsSync(pgdata)) return null;
  try {
    const version = existsSync(join(pgdata, 'PG_VERSION'))
      ? readFileSync(join(pgdata, 'PG_VERSION'), 'utf8')
      : '';
    if (/^\d+\s*$/.test(version)) return { major: Number(version), ownerUid: statSync(pgdata).uid };
    if (readdirSync(pgdata).length === 0) return null;
  } catch (error) {
    throw new ServerError(
      `The database folder ${pgdata} cannot be read (${messageOf(error)}); start as the user who made it, or change its owner.`,
    );
  }
  throw new ServerError(
    `The folder ${pgdata} holds no PostgreSQL database (PG_VERSION is missing or broken); restore it from a backup, or move it away to start anew.`,
  );
}

/** PostgreSQL opens only folders of its own user. @throws ServerError */
export function checkOwner(pgdata: string, existing: ExistingCluster | null, user: SystemUser | null): void {
  const uid = user?.uid ?? process.getuid?.();
  if (existing === null || uid === undefined || existing.ownerUid === uid) return;
  throw new ServerError(
    `The database folder ${pgdata} belongs to user id ${existing.ownerUid}, but PostgreSQL would run as ${uid}; start as that user, or run: chown -R ${uid} ${pgdata}`,
  );
}

/** Kept beside the cluster and never logged. @throws ServerError when it was lost. */
export function readPassword(dataDir: string, clusterExists: boolean): string {
  const path = join(dataDir, 'password');
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  if (clusterExists) {
    throw new ServerError(
      `The database's password file ${path} is missing; restore it from a backup, or move the database folder away to start anew.`,
    );
  }
  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  writeFileSync(path, `${password}\n`, { mode: 0o600 });
  return password;
}

/** initdb into a folder beside, renamed when whole: an interrupted first start is simply made again. @throws ServerError */
export function createCluster(
  place: string,
  pgdata: string,
  binaries: Binaries,
  user: SystemUser | null,
  password: string,
  log: Log,
): void {
  const unfinished = `${pgdata}.new`;
  const passwordFile = join(place, 'initdb-password');
  log.info({ folder: pgdata, version: binaries.version }, 'creating the database cluster');
  rmSync(unfinished, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600, flag: 'wx' });
  if (user !== null) for (const path of [unfinished, passwordFile]) chownSync(path, user.uid, user.gid);
  // ICU and libc locales differ between machines; PostgreSQL's own C.UTF-8 folds case everywhere alike.
  const locale = binaries.major >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : [];
  const run = spawnSync(
    join(binaries.bin, 'initdb'),
    [
      ...['--pgdata', unfinished, '--username', SUPERUSER, '--pwfile', passwordFile],
      ...['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', ...locale, '--no-instructions'],
    ],
    {
      ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
      cwd: '/',
      env: serverEnvironment(),
      encoding: 'utf8',
      timeout: INITDB_TIMEOUT_MS,
    },
  );
  unlinkSync(passwordFile);
  if (run.status !== 0) {
    const reason = run.error === undefined ? lastLine(run.stderr) : messageOf(run.error);
    throw new ServerError(
      `The database could not be created in ${pgdata}: ${reason}; check the free space and the owner of the folder, or choose another --data-dir.`,
    );
  }
  if (existsSync(pgdata)) rmSync(pgdata, { recursive: true });
  renameSync(unfinished, pgdata);
}

/** Nothing of ours but the path: PGDATA, PGPORT and the like would change what the server does. */
export const serverEnvironment = (): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  LC_ALL: 'C',
  TZ: 'UTC',
});

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? 'no message';
