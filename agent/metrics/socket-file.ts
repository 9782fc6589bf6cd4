/** The file of a Unix socket: put in place only when it is ready, never over a file of somebody else. */
import { access, chmod, chown, link, lstat, readFile, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { messageOf } from '../errors.ts';
import { MAX_SOCKET_PATH } from './config.ts';

/** Owner and group may write, others may not. */
const MODE = 0o660;
/** How long another program's socket may keep our question open. */
const PROBE_MS = 1000;

export interface SocketFile {
  /** Takes the file away, if it still is ours. */
  remove(): Promise<void>;
}

/**
 * Listens under a name of its own, sets owner and mode, and only then gives the socket its name.
 * @throws Error when the path is too long, taken by another file or a running program, or the group is unknown.
 */
export async function listenOnFile(server: Server, path: string, group: string | null): Promise<SocketFile> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    throw new Error(
      `${path}: longer than ${MAX_SOCKET_PATH} bytes, which a Unix socket's address cannot hold`,
    );
  }
  // Listening in a folder that is not there would complain of permissions.
  await access(dirname(path));
  await removeStale(path);
  const draft = join(dirname(path), `.m${process.pid}`);
  await unlink(draft).catch(() => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(draft, () => {
      server.off('error', reject);
      resolve();
    });
  });
  try {
    if (group !== null) await chown(draft, -1, await groupId(group));
    await chmod(draft, MODE);
    const { ino, dev } = await lstat(draft);
    // Unlike a rename this fails when somebody was quicker.
    await link(draft, path);
    return {
      async remove() {
        const found = await lstat(path).catch(() => null);
        if (found !== null && found.ino === ino && found.dev === dev) await unlink(path);
      },
    };
  } finally {
    await unlink(draft).catch(() => undefined);
  }
}

/** A socket that nobody answers on is left from a run that was killed. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new Error(`${path}: ${messageOf(error)}`);
  });
  if (found === null) return;
  if (!found.isSocket()) throw new Error(`${path}: is there already and no socket; it is left as it is`);
  if (await isAnswered(path)) throw new Error(`${path}: another program listens there`);
  await unlink(path);
}

const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(path);
    // A clean end: the other program should not see an error.
    probe.setTimeout(PROBE_MS, () => probe.destroy());
    probe.resume();
    probe.once('connect', () => {
      probe.end();
      resolve(true);
    });
    // Only a refusal proves that nobody listens.
    probe.on('error', (error) => resolve(!('code' in error) || error.code !== 'ECONNREFUSED'));
  });

/** Source: group(5). */
async function groupId(group: string): Promise<number> {
  const line = (await readFile('/etc/group', 'utf8'))
    .split('\n')
    .find((text) => text.startsWith(`${group}:`));
  const gid = Number(line?.split(':')[2] || Number.NaN);
  if (!Number.isInteger(gid)) throw new Error(`socket.group: ${group} is no group of this machine`);
  return gid;
}
