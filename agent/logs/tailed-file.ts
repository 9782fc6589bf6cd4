/** One open file and how far it is read. It stays the same file when it is renamed, and is a new one after a truncation. */
import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CHUNK_BYTES, HEAD_BYTES, MAX_LINE_BYTES, TAIL_BYTES } from './limits.ts';
import { createLineSplitter, type LineSplitter, type SplitLine } from './line-splitter.ts';
import type { FileMark } from './positions.ts';

/** What is remembered of a file's content, apart from where it lies at the moment. */
export interface Generation {
  /** First bytes as read, at most 256. */
  head: Buffer;
  device: number;
  inode: number;
  bornMs: number;
  /** The sink took everything up to here. */
  committed: number;
}

export interface TailedFile {
  readonly generation: Generation;
  readonly handle: FileHandle;
  readonly splitter: LineSplitter;
  /** Read up to here. */
  offset: number;
  /** Last bytes before `offset`, at most 64. */
  tail: Buffer;
  /** What lay there before the agent looked ends here. */
  backlogUntil: number;
  grewAtMs: number;
  /** When it was seen to be no longer at its path; null while it is. */
  retiredAtMs: number | null;
}

export type ChunkRead =
  /** No more for now. */
  | { readonly kind: 'end' }
  /** What was read before is no longer in the file: it was cut, and perhaps written anew. */
  | { readonly kind: 'replaced' }
  | { readonly kind: 'lines'; readonly lines: readonly SplitLine[] };

/** Never waits for a pipe's writer. @throws Error when it cannot be read, or is no regular file. */
export async function openRegular(path: string): Promise<{ handle: FileHandle; stats: Stats }> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new Error('it is not a regular file');
    return { handle, stats };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A file that was not read before, from `offset` on. */
export async function startTail(
  { handle, stats }: { handle: FileHandle; stats: Stats },
  { offset, nowMs }: { offset: number; nowMs: number },
): Promise<TailedFile> {
  const generation: Generation = {
    head: await readAt(handle, 0, Math.min(HEAD_BYTES, offset)),
    device: stats.dev,
    inode: stats.ino,
    bornMs: stats.birthtimeMs,
    committed: offset,
  };
  return continueTail(handle, generation, { offset, nowMs });
}

/** The same content, whichever file holds it now. */
export async function continueTail(
  handle: FileHandle,
  generation: Generation,
  { offset, nowMs, splitter }: { offset: number; nowMs: number; splitter?: LineSplitter },
): Promise<TailedFile> {
  const from = Math.max(0, offset - TAIL_BYTES);
  return {
    generation,
    handle,
    splitter: splitter ?? createLineSplitter(MAX_LINE_BYTES, offset),
    offset,
    tail: await readAt(handle, from, offset - from),
    backlogUntil: 0,
    grewAtMs: nowMs,
    retiredAtMs: null,
  };
}

/** The next lines. `buffer` is the caller's, of CHUNK_BYTES, and may be used again afterwards. */
export async function readChunk(file: TailedFile, buffer: Buffer, nowMs: number): Promise<ChunkRead> {
  const { bytesRead } = await file.handle.read(buffer, 0, CHUNK_BYTES, file.offset);
  if (bytesRead === 0) {
    if ((await file.handle.stat()).size < file.offset) return { kind: 'replaced' };
    return { kind: 'end' };
  }
  // Looked at after the reading: had the file been replaced before it, this would show it.
  if (!(await holds(file.handle, file))) return { kind: 'replaced' };
  const chunk = buffer.subarray(0, bytesRead);
  const { generation } = file;
  if (generation.head.length < HEAD_BYTES && file.offset === generation.head.length) {
    generation.head = Buffer.concat([
      generation.head,
      chunk.subarray(0, HEAD_BYTES - generation.head.length),
    ]);
  }
  file.tail = Buffer.concat([file.tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
  file.offset += bytesRead;
  file.grewAtMs = nowMs;
  return { kind: 'lines', lines: file.splitter.push(chunk) };
}

/** Whether a file still begins with what was read and has the same bytes before the offset. */
export async function holds(
  handle: FileHandle,
  file: Pick<TailedFile, 'generation' | 'offset' | 'tail'>,
): Promise<boolean> {
  const { head } = file.generation;
  if (!head.equals(await readAt(handle, 0, head.length))) return false;
  return file.tail.equals(await readAt(handle, file.offset - file.tail.length, file.tail.length));
}

/** Whether a file begins with what a mark says and is long enough. */
export async function holdsMark(handle: FileHandle, stats: Stats, mark: FileMark): Promise<boolean> {
  if (stats.size < mark.offset) return false;
  return sha256(await readAt(handle, 0, mark.head_bytes)) === mark.head_sha256;
}

export const markOf = ({ head, device, inode, bornMs, committed }: Generation): FileMark => {
  // The offset may lie before what was read; the head that is said must have been there then.
  const known = head.subarray(0, Math.min(head.length, committed));
  return {
    device,
    inode,
    born_ms: bornMs,
    offset: committed,
    head_bytes: known.length,
    head_sha256: sha256(known),
  };
};

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  if (length <= 0) return Buffer.alloc(0);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
