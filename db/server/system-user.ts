/** PostgreSQL refuses to run as root, so root runs it as an unprivileged user of this machine. */
import { readFileSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ServerError } from './server-error.ts';

export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** In order of preference; every Linux and macOS has the last one. */
const CANDIDATES = ['postgres', 'nobody'] as const;

/** Null when this process is not root and so needs nobody else. @throws ServerError */
export function findServerUser(existingOwnerUid: number | null): SystemUser | null {
  if (process.getuid?.() !== 0) return null;
  const users = readUsers(readFileSync('/etc/passwd', 'utf8'));
  const owner = users.find(({ uid }) => uid === existingOwnerUid && uid !== 0);
  if (owner !== undefined) return owner;
  for (const name of CANDIDATES) {
    const user = users.find((candidate) => candidate.name === name);
    if (user !== undefined) return user;
  }
  throw new ServerError(
    'PostgreSQL does not run as root, and this machine has neither a user `postgres` nor `nobody`; start as an ordinary user.',
  );
}

export function readUsers(passwd: string): SystemUser[] {
  return passwd.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    if (name === undefined || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return [];
    return [{ name, uid: Number(uid), gid: Number(gid) }];
  });
}

/** The first folder on the way to `path` that the user may not pass; null when all are open to it. */
export function findClosedFolder(path: string, user: SystemUser): string | null {
  const above = dirname(path);
  const closed = above === path ? null : findClosedFolder(above, user);
  return closed ?? (mayPass(statSync(path), user) ? null : path);
}

function mayPass({ mode, uid, gid }: Stats, user: SystemUser): boolean {
  if (uid === user.uid) return (mode & 0o100) !== 0;
  if (gid === user.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}
