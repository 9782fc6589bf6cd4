/** PEM files of the authority: private, written whole or not at all, and made once even by two processes together. */
import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** Something in the authority's folder cannot be used; the message is one sentence with the remedy. */
export class AuthorityError extends Error {
  override name = 'AuthorityError';
}

export const makeFolder = (folder: string): Promise<unknown> =>
  mkdir(folder, { recursive: true, mode: FOLDER_MODE });

/**
 * Makes `folder` with these files in one step: whoever comes second finds the first one's files and leaves them.
 * A process that dies on the way leaves only a `.new-…` folder behind, which nobody reads.
 */
export async function createOnce(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  const draft = `${folder}.new-${randomUUID()}`;
  await mkdir(draft, { mode: FOLDER_MODE });
  try {
    for (const [name, content] of Object.entries(files)) await writeDurably(join(draft, name), content);
    await syncFolder(draft);
    await rename(draft, folder);
    await syncFolder(dirname(folder));
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Renaming onto a folder that is not empty is refused: somebody else was first.
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  }
}

/** Replaces a file by a whole new one: temporary file, fsync, rename. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const draft = `${path}.new-${randomUUID()}`;
  try {
    await writeDurably(draft, content);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** The text of a file, or null when there is none. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw new AuthorityError(`${path} cannot be read: check its owner and permissions.`, { cause: error });
  }
}

/** PKCS#8 in PEM, encrypted when there is a passphrase. */
export const exportKey = (key: KeyObject, passphrase: string | null): string =>
  key
    .export({
      type: 'pkcs8',
      format: 'pem',
      ...(passphrase === null ? {} : { cipher: 'aes-256-cbc', passphrase }),
    })
    .toString();

export const isEncryptedKey = (pem: string): boolean => pem.includes('BEGIN ENCRYPTED PRIVATE KEY');

/** @throws AuthorityError that tells a missing passphrase, a wrong one and a broken file apart. */
export function importKey(pem: string, passphrase: string | null, path: string): KeyObject {
  if (isEncryptedKey(pem) && passphrase === null) {
    throw new AuthorityError(
      `The key ${path} is encrypted: give the passphrase of the certificate authority.`,
    );
  }
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(passphrase === null ? {} : { passphrase }) });
  } catch (cause) {
    throw new AuthorityError(
      isEncryptedKey(pem)
        ? `The passphrase does not open the key ${path}, or the file is damaged.`
        : `The key ${path} is damaged: restore it from a backup.`,
      { cause },
    );
  }
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

const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
