/** The default master key: a file of the data folder, with every version that was ever used. */
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import { AppError } from '../errors.ts';
import { type MasterKey, type WrapContext, wrapContextText } from './master-key.ts';
import { IV_BYTES, KEY_BYTES } from './sealed-text.ts';

export const MASTER_KEY_FILE = 'master-keys.json';
const FILE_MODE = 0o600;
const CIPHER = 'aes-256-gcm';
const TAG_BYTES = 16;

const KeyFile = Type.Object({
  current: Type.Integer({ minimum: 1 }),
  keys: Type.Record(
    Type.String({ pattern: '^[1-9][0-9]{0,8}$' }),
    Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
  ),
});
interface Versions {
  readonly current: number;
  readonly keys: ReadonlyMap<number, Buffer>;
}

/**
 * The file is made on first use, whole or not at all; processes that start together agree on one.
 * @throws Error with the remedy where the file is damaged or open to others.
 */
export async function openLocalMasterKey({ dir }: { dir: string }): Promise<MasterKey> {
  const path = join(dir, MASTER_KEY_FILE);
  await createOnce(dir, path);
  let versions = await readVersions(path);

  /** Another process may have made it since. */
  async function keyOf(version: number): Promise<Buffer> {
    if (!versions.keys.has(version)) versions = await readVersions(path);
    const key = versions.keys.get(version);
    if (key === undefined) {
      throw new AppError('encryption.unavailable', {
        detail: `Version ${version} of the master key is not in ${MASTER_KEY_FILE}; restore the file from a backup`,
      });
    }
    return key;
  }

  return {
    name: 'local',

    async wrap(dataKey, context) {
      versions = await readVersions(path);
      const { current } = versions;
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, await keyOf(current), iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(associatedData(current, context));
      const parts = [iv, Buffer.concat([cipher.update(dataKey), cipher.final()]), cipher.getAuthTag()];
      return ['k1', current, ...parts.map((part) => part.toString('base64url'))].join('.');
    },

    async unwrap(wrapped, context) {
      const [format, version, iv, ciphertext, tag] = wrapped.split('.');
      const bytes = [iv, ciphertext, tag].map((text) => Buffer.from(text ?? '', 'base64url'));
      const [ivBytes, cipherBytes, tagBytes] = bytes;
      const isOurs = format === 'k1' && ivBytes?.length === IV_BYTES && tagBytes?.length === TAG_BYTES;
      if (!isOurs || cipherBytes?.length !== KEY_BYTES) throw unreadable();
      const decipher = createDecipheriv(CIPHER, await keyOf(Number(version)), ivBytes, {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(associatedData(Number(version), context));
      decipher.setAuthTag(tagBytes);
      try {
        return Buffer.concat([decipher.update(cipherBytes), decipher.final()]);
      } catch (cause) {
        throw unreadable(cause);
      }
    },

    async rotate() {
      const { current, keys } = await readVersions(path);
      const next = new Map(keys).set(current + 1, randomBytes(KEY_BYTES));
      const draft = `${path}.new-${randomUUID()}`;
      try {
        await writeDurably(draft, render({ current: current + 1, keys: next }));
        await rename(draft, path);
      } finally {
        await rm(draft, { force: true });
      }
      await syncFolder(dir);
    },
  };
}

const unreadable = (cause?: unknown): AppError =>
  new AppError('encryption.unreadable', {
    detail: 'A wrapped data key was changed or belongs elsewhere',
    cause,
  });

const associatedData = (version: number, context: WrapContext): Buffer =>
  Buffer.from(`${version} ${wrapContextText(context)}`);

async function createOnce(dir: string, path: string): Promise<void> {
  if (await isThere(path)) return;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const draft = `${path}.new-${randomUUID()}`;
  try {
    await writeDurably(draft, render({ current: 1, keys: new Map([[1, randomBytes(KEY_BYTES)]]) }));
    // A hard link appears whole or not at all, and never replaces the key of a process that was faster.
    await link(draft, path);
    await syncFolder(dir);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function readVersions(path: string): Promise<Versions> {
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) {
    throw new Error(`The master key ${path} can be read by others: chmod 600 it, and rotate the master key.`);
  }
  const decoded = decodeValue(KeyFile, parseJson(await readFile(path, 'utf8')));
  if (!decoded.ok || !Object.hasOwn(decoded.value.keys, String(decoded.value.current))) {
    throw new Error(`The master key ${path} is damaged: restore it from a backup.`);
  }
  const { current, keys } = decoded.value;
  return {
    current,
    keys: new Map(
      Object.entries(keys).map(([version, text]) => [Number(version), Buffer.from(text, 'base64url')]),
    ),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function render({ current, keys }: Versions): string {
  const texts = [...keys].map(([version, bytes]) => [version, bytes.toString('base64url')]);
  return `${JSON.stringify({ current, keys: Object.fromEntries(texts) }, null, 2)}\n`;
}

async function writeDurably(path: string, content: string): Promise<void> {
  const file = await open(path, 'wx', FILE_MODE);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
