/** Finds where a file's content went: renamed, copied before a truncation, or rotated more than once between two looks. */
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { siblingsOf } from './file-finder.ts';
import type { FileMark } from './positions.ts';
import { type Generation, holds, holdsMark, openRegular, type TailedFile } from './tailed-file.ts';

/** Fewer first bytes than these may be alike by chance. */
const MIN_HEAD_BYTES = 16;

/** Rotations that may fall into one look. */
const MAX_PASSES = 5;

export interface OpenFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly stats: Stats;
}

/** The copy that `copytruncate` made of `file` before it was cut; null where there is none. The caller closes it. */
export async function findCopy(path: string, file: TailedFile): Promise<OpenFile | null> {
  return firstThat(
    await siblingsOf(path),
    async ({ handle, stats }) => stats.size >= file.offset && (await holds(handle, file)),
  );
}

/** Where the content of a mark is now: at the path, else beside it. Null where it is gone. The caller closes it. */
export async function findMarked(path: string, mark: FileMark): Promise<OpenFile | null> {
  const paths = [path, ...(await siblingsOf(path))];
  const isSame = async ({ handle, stats }: OpenFile) =>
    stats.ino === mark.inode && (await holdsMark(handle, stats, mark));
  const sameInode = await firstThat(paths, isSame);
  if (sameInode !== null || mark.head_bytes === 0) return sameInode;
  return firstThat(paths, ({ handle, stats }) => holdsMark(handle, stats, mark));
}

/**
 * Files that were at `path` between the one that was read and the one that is there now, oldest first. Told by the time
 * of their birth; where the file system keeps none, there are none. The caller closes them.
 */
export async function findBetween(
  path: string,
  { before, after, known }: { before: number; after: number; known: readonly Generation[] },
): Promise<OpenFile[]> {
  if (before === 0 || after === 0) return [];
  const found: OpenFile[] = [];
  const isNew = async (file: OpenFile): Promise<boolean> => {
    const { birthtimeMs, ino } = file.stats;
    if (birthtimeMs < before || birthtimeMs > after) return false;
    if (found.some(({ stats }) => stats.ino === ino) || known.some(({ inode }) => inode === ino))
      return false;
    return !(await isCopyOfKnown(file, known));
  };
  // Names move while they are read: looked through again until there is nothing new.
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    const foundBefore = found.length;
    for (const sibling of await siblingsOf(path)) {
      const file = await tryOpen(sibling);
      if (file === null) continue;
      if (await isNew(file)) found.push(file);
      else await file.handle.close();
    }
    if (found.length === foundBefore) break;
  }
  return found.sort((a, b) => a.stats.birthtimeMs - b.stats.birthtimeMs);
}

/** A copy of what was read already begins with the same bytes. */
async function isCopyOfKnown({ handle }: OpenFile, known: readonly Generation[]): Promise<boolean> {
  for (const generation of known) {
    if (generation.head.length < MIN_HEAD_BYTES) continue;
    if (await holds(handle, { generation, offset: 0, tail: Buffer.alloc(0) })) return true;
  }
  return false;
}

async function firstThat(
  paths: readonly string[],
  isIt: (file: OpenFile) => Promise<boolean>,
): Promise<OpenFile | null> {
  for (const path of paths) {
    const file = await tryOpen(path);
    if (file === null) continue;
    if (await isIt(file)) return file;
    await file.handle.close();
  }
  return null;
}

/** Null when it is gone, is no file or may not be read. */
export async function tryOpen(path: string): Promise<OpenFile | null> {
  try {
    return { path, ...(await openRegular(path)) };
  } catch {
    return null;
  }
}
