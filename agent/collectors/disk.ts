/** Space and inodes of file systems. */
import { statfs } from 'node:fs/promises';
import { clampPercent } from './cpu.ts';

export interface DiskUse {
  readonly mount: string;
  readonly totalBytes: number;
  readonly usedBytes: number;
  /** Of what an unprivileged process can use, as `df` counts it. */
  readonly percent: number;
  /** Missing where the file system has no fixed number of inodes. */
  readonly inodesPercent?: number;
}

export interface FileSystemBlocks {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files?: number;
  readonly ffree?: number;
}

/** A network or failing disk may hang; its mount is passed over meanwhile. */
export const DISK_TIMEOUT_MS = 2000;

/** Pure. */
export function diskUse(mount: string, blocks: FileSystemBlocks): DiskUse {
  const { bsize, bfree, bavail, files = 0, ffree = 0 } = blocks;
  const used = blocks.blocks - bfree;
  const usable = used + bavail;
  return {
    mount,
    totalBytes: blocks.blocks * bsize,
    usedBytes: used * bsize,
    percent: usable === 0 ? 0 : clampPercent((used / usable) * 100),
    ...(files > 0 ? { inodesPercent: clampPercent(((files - ffree) / files) * 100) } : {}),
  };
}

export const readDisk = async (path: string): Promise<DiskUse> => diskUse(path, await statfs(path));

/** Reads many file systems; one that hangs or fails is left out, and not asked again before it answered. */
export function createDiskReader(
  read: (mount: string) => Promise<DiskUse> = readDisk,
  timeoutMs = DISK_TIMEOUT_MS,
): (mounts: readonly string[]) => Promise<DiskUse[]> {
  const pending = new Set<string>();
  const readOne = async (mount: string): Promise<DiskUse[]> => {
    if (pending.has(mount)) return [];
    pending.add(mount);
    const answer = read(mount)
      .then((use) => (use.totalBytes > 0 ? [use] : []))
      // Unmounted since, or not ours to see: the other file systems still count.
      .catch(() => [])
      .finally(() => pending.delete(mount));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<DiskUse[]>((resolve) => {
      timer = setTimeout(() => resolve([]), timeoutMs);
    });
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  };
  return async (mounts) => (await Promise.all(mounts.map(readOne))).flat();
}
