/** Space of the file system that holds a path. */
import { statfs } from 'node:fs/promises';
import { clampPercent } from './cpu.ts';

export interface DiskUse {
  readonly mount: string;
  readonly totalBytes: number;
  readonly usedBytes: number;
  /** Of what an unprivileged process can use, as `df` counts it. */
  readonly percent: number;
}

export interface FileSystemBlocks {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
}

/** Pure. */
export function diskUse(mount: string, { bsize, blocks, bfree, bavail }: FileSystemBlocks): DiskUse {
  const used = blocks - bfree;
  const usable = used + bavail;
  return {
    mount,
    totalBytes: blocks * bsize,
    usedBytes: used * bsize,
    percent: usable === 0 ? 0 : clampPercent((used / usable) * 100),
  };
}

export const readDisk = async (path: string): Promise<DiskUse> => diskUse(path, await statfs(path));
