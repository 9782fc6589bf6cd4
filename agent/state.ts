/** The agent's state folder (0700): small files that are whole after any crash, each written by rename. */
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Static, TSchema } from 'typebox';
import { decodeValue } from '#contract';
import { AgentError, messageOf } from './errors.ts';

/** Before each of these a power cut may fall; tests make one fall there. */
export type WriteStep = 'create' | 'write' | 'sync' | 'rename' | 'sync-folder' | 'remove';

/**
 * What a write must outlive. `power-cut` syncs to disk; `process` leaves that to the system, so that a simulated fleet
 * of a thousand devices is not limited by the syncs of the one disk that it shares.
 */
export type Durability = 'power-cut' | 'process';

export interface StateFolder {
  readonly dir: string;
  readonly durability: Durability;
  /** Absolute path of a file inside. */
  path(name: string): string;
  /** Null when the file is not there. */
  read(name: string): Promise<string | null>;
  /** Resolves once the new content would survive a power cut; until then a reader sees the old one. Mode 0600. */
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** @throws AgentError `state` naming the file when it is damaged. */
  readJson<S extends TSchema>(name: string, schema: S): Promise<Static<S> | null>;
  writeJson(name: string, value: unknown): Promise<void>;
}

/** Makes the folder. @throws AgentError `state` when it cannot be made or read. */
export async function openStateFolder(
  dir: string,
  {
    before = () => undefined,
    durability = 'power-cut',
  }: { before?: (step: WriteStep, name: string) => void; durability?: Durability } = {},
): Promise<StateFolder> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    if (!(await stat(dir)).isDirectory()) throw new Error('it is not a folder');
  } catch (error) {
    throw new AgentError('state', `State folder ${dir} cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }

  // One write at a time, so that two writers of one file cannot swap their order.
  let tail: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = tail.then(work);
    tail = turn.catch(() => undefined);
    return turn;
  };
  const path = (name: string): string => join(dir, name);

  const folder: StateFolder = {
    dir,
    durability,
    path,
    read: (name) => readFile(path(name), 'utf8').catch(nullWhenMissing),
    write: (name, text) => inTurn(() => replace(folder, name, text, before)),
    remove: (name) =>
      inTurn(async () => {
        before('remove', name);
        await rm(path(name), { force: true });
      }),
    async readJson(name, schema) {
      const text = await folder.read(name);
      if (text === null) return null;
      const decoded = decodeValue(schema, parse(text));
      if (!decoded.ok) throw new AgentError('state', `${path(name)} is damaged: ${decoded.reason}`);
      return decoded.value;
    },
    writeJson: (name, value) => folder.write(name, `${JSON.stringify(value, null, 2)}\n`),
  };
  return folder;
}

async function replace(
  { dir, durability }: StateFolder,
  name: string,
  text: string,
  before: (step: WriteStep, name: string) => void,
): Promise<void> {
  const target = join(dir, name);
  const draft = `${target}.tmp`;
  const isSynced = durability === 'power-cut';
  before('create', name);
  const file = await open(draft, 'w', 0o600);
  try {
    before('write', name);
    await file.writeFile(text);
    before('sync', name);
    if (isSynced) await file.sync();
  } finally {
    await file.close();
  }
  before('rename', name);
  await rename(draft, target);
  before('sync-folder', name);
  // The rename itself is durable only when its folder is.
  if (isSynced) await syncFolder(dir);
}

async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function nullWhenMissing(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
  throw new AgentError('state', `A state file cannot be read: ${messageOf(error)}`, { cause: error });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
