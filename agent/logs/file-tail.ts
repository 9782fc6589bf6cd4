/** Follows one path through renames, truncations, deletions and restarts. */
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { cleanBytes } from './clean-text.ts';
import type { Gate } from './gate.ts';
import {
  CHUNK_BYTES,
  FILE_POLL_MS,
  IDLE_AFTER_MS,
  IDLE_FILE_POLL_MS,
  MAX_RETIRED,
  RETIRED_HOLD_MS,
  RETIRED_IDLE_MS,
} from './limits.ts';
import type { SplitLine } from './line-splitter.ts';
import type { Pipeline, SourceLine } from './pipeline.ts';
import type { FileMark } from './positions.ts';
import { findBetween, findCopy, findMarked, type OpenFile, tryOpen } from './rotation.ts';
import type { SourcePhase, SourceState } from './source-state.ts';
import type { Surroundings } from './surroundings.ts';
import {
  continueTail,
  type Generation,
  markOf,
  openRegular,
  readChunk,
  startTail,
  type TailedFile,
} from './tailed-file.ts';

/** Chunks of one file before the others and the path are looked at again. */
const CHUNKS_A_TURN = 16;
/** Generations that are remembered, to know a copy of them again. */
const REMEMBERED = 16;
/** One report of a cut file a path in this time. */
const TRUNCATED_EVENT_MS = 60_000;

export interface FilePosition {
  readonly generation: Generation;
  readonly offset: number;
  readonly isEnd: boolean;
}

export interface FileTailOptions {
  readonly path: string;
  readonly service: string;
  /** Where the file begins that is there at the first look, without marks. */
  readonly begin: 'start' | 'end';
  /** What was known before the restart, oldest first. */
  readonly marks: readonly FileMark[];
  readonly pipeline: (commit: (position: FilePosition) => void) => Pipeline<FilePosition>;
  readonly gate: Gate;
  readonly around: Surroundings;
  /** Something was committed. */
  readonly changed: () => void;
}

export interface FileTail {
  readonly pipeline: Pipeline<FilePosition>;
  marks(): FileMark[];
  state(): SourceState;
  /** There is no file, and nothing that is still read. */
  isGone(): boolean;
  /** Stops reading; what was read goes out, a last line without an end waits for the next start. */
  stop(): Promise<void>;
}

export function startFileTail(options: FileTailOptions): FileTail {
  const { path, service, gate, around, changed } = options;
  const { monotonicMs, event, log } = around;
  const name = `file:${path}`;
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const stopping = new AbortController();
  let generations: Generation[] = [];
  let remembered: Generation[] = [];
  let current: TailedFile | null = null;
  let retired: TailedFile[] = [];
  let missingSinceMs: number | null = null;
  let hasBegun = false;
  let wasPaused = false;
  let problem: string | null = null;
  let lostBytes = 0;
  let truncatedAtMs = Number.NEGATIVE_INFINITY;

  const pipeline = options.pipeline(({ generation, offset, isEnd }) => {
    generation.committed = offset;
    if (isEnd) generations = generations.filter((other) => other !== generation);
    changed();
  });
  const known = (generation: Generation): Generation => {
    if (!generations.includes(generation)) generations.push(generation);
    remembered = [...remembered.filter((other) => other !== generation), generation].slice(-REMEMBERED);
    changed();
    return generation;
  };
  const startAt = async (file: OpenFile, offset: number): Promise<TailedFile> => {
    const tail = await startTail(file, { offset, nowMs: monotonicMs() });
    known(tail.generation);
    return tail;
  };
  const retire = (file: TailedFile): void => {
    file.retiredAtMs = monotonicMs();
    retired.push(file);
  };
  const reportLost = (bytes: number | null, why: string): void => {
    lostBytes += bytes ?? 0;
    event({
      kind: 'log.lost',
      log_level: 'error',
      message: `${bytes === null ? 'What was added last' : `${bytes} bytes`} of ${path} can no longer be read: ${why}`,
      metadata: { source: name, ...(bytes === null ? {} : { bytes }) },
    });
  };

  /** The first look: goes on where the marks say. */
  const begin = async (): Promise<void> => {
    for (const [index, mark] of options.marks.entries()) {
      const found = await findMarked(path, mark);
      if (found === null) {
        reportLost(null, 'the file went while the agent did not run');
        continue;
      }
      const file = await startAt(found, mark.offset);
      file.backlogUntil = found.stats.size;
      if (found.path === path && index === options.marks.length - 1) current = file;
      else retire(file);
    }
    if (current === null) {
      const there = await tryOpen(path);
      if (there !== null) {
        const last = options.marks.at(-1);
        if (last !== undefined) await openBetween(last.born_ms, there);
        const isFresh = last === undefined && options.begin === 'end';
        current = await startAt(there, isFresh ? there.stats.size : 0);
        current.backlogUntil = there.stats.size;
      }
    }
    hasBegun = true;
  };
  const openBetween = async (before: number, there: OpenFile): Promise<void> => {
    const isThere = { ...markless(there), head: Buffer.alloc(0) };
    const between = await findBetween(path, {
      before,
      after: there.stats.birthtimeMs,
      known: [...remembered, isThere],
    });
    for (const file of between) retire(await startAt(file, 0));
  };

  /** Another file is at the path, or none. */
  const followPath = async (): Promise<void> => {
    const there = await stat(path).catch(() => null);
    if (there === null || !there.isFile()) {
      missingSinceMs ??= monotonicMs();
      // Between the renaming and the making of the new file there is none for a moment.
      if (current !== null && monotonicMs() - missingSinceMs >= RETIRED_IDLE_MS) {
        retire(current);
        current = null;
      }
      return;
    }
    missingSinceMs = null;
    if (current !== null && isSame(current.generation, there)) return;
    const opened = await tryOpen(path);
    if (opened === null) {
      // Says why.
      if (current === null) await (await openRegular(path)).handle.close();
      return;
    }
    const back = retired.find(({ generation }) => isSame(generation, opened.stats));
    if (back !== undefined || (current !== null && isSame(current.generation, opened.stats))) {
      await opened.handle.close();
      if (back === undefined) return;
      retired = retired.filter((file) => file !== back);
      if (current !== null) retire(current);
      back.retiredAtMs = null;
      current = back;
      return;
    }
    const old = current ?? retired.at(-1) ?? null;
    if (current !== null) retire(current);
    const bornMs = old?.generation.bornMs ?? remembered.at(-1)?.bornMs;
    if (bornMs !== undefined) await openBetween(bornMs, opened);
    current = await startAt(opened, 0);
  };

  /** The file was cut: what was not read may be in the copy that was made before. */
  const replaced = async (file: TailedFile): Promise<void> => {
    const copy = await findCopy(path, file);
    const { generation, offset, splitter } = file;
    if (copy === null) {
      await end(file);
      if (monotonicMs() - truncatedAtMs >= TRUNCATED_EVENT_MS) {
        truncatedAtMs = monotonicMs();
        event({
          kind: 'log.truncated',
          log_level: 'info',
          message: `${path} was cut and there is no copy of it: its last lines may be missing`,
          metadata: { source: name },
        });
      }
    } else {
      retire(await continueTail(copy.handle, generation, { offset, nowMs: monotonicMs(), splitter }));
    }
    const stats = await file.handle.stat();
    const next = await startAt({ path, handle: file.handle, stats }, 0);
    if (file === current) current = next;
    else
      retired = retired.map((other) => (other === file ? { ...next, retiredAtMs: file.retiredAtMs } : other));
  };
  /** Nothing more comes of this content: its last line goes out as it is. */
  const end = async (file: TailedFile): Promise<void> => {
    const rest = file.splitter.rest();
    const { generation, offset } = file;
    if (rest !== null) await pipeline.push([lineOf(file, rest)]);
    pipeline.mark({ generation, offset, isEnd: true });
  };
  const lineOf = (
    file: TailedFile,
    { bytes, cutBytes, end: offset }: SplitLine,
  ): SourceLine<FilePosition> => ({
    text: cleanBytes(bytes),
    cutBytes,
    service,
    // One for all generations, so that their lines keep their order.
    lane: path,
    position: { generation: file.generation, offset, isEnd: false },
    isBacklog: offset <= file.backlogUntil,
  });

  /** Whether there is more to read at once. */
  const drain = async (file: TailedFile): Promise<boolean> => {
    for (let turn = 0; turn < CHUNKS_A_TURN; turn += 1) {
      if (!gate.isOpen || stopping.signal.aborted) return false;
      const read = await readChunk(file, buffer, monotonicMs());
      if (read.kind === 'end') return false;
      if (read.kind === 'replaced') {
        await replaced(file);
        return true;
      }
      await pipeline.push(read.lines.map((line) => lineOf(file, line)));
    }
    return true;
  };
  const drainRetired = async (): Promise<boolean> => {
    for (const file of [...retired]) {
      if (await drain(file)) return true;
      const nowMs = monotonicMs();
      const isOld = nowMs - (file.retiredAtMs ?? nowMs) >= RETIRED_HOLD_MS;
      const isIdle = gate.isOpen && nowMs - Math.max(file.grewAtMs, file.retiredAtMs ?? 0) >= RETIRED_IDLE_MS;
      if (isIdle || isOld || retired.length > MAX_RETIRED) await letGo(file, isIdle);
    }
    return false;
  };
  const letGo = async (file: TailedFile, isRead: boolean): Promise<void> => {
    retired = retired.filter((other) => other !== file);
    if (!isRead) {
      const unread = (await file.handle.stat()).size - file.offset;
      if (unread > 0) reportLost(unread, 'it was rotated away while reading was paused');
    }
    await end(file);
    await file.handle.close();
  };

  /** One look. Whether the next should follow at once. */
  const look = async (): Promise<boolean> => {
    if (!hasBegun) await begin();
    else await followPath();
    if (gate.isOpen && wasPaused) await noteBacklog();
    wasPaused = !gate.isOpen;
    // The old before the new, so that a service's lines keep their order.
    if (await drainRetired()) return true;
    return current !== null && (await drain(current));
  };
  const noteBacklog = async (): Promise<void> => {
    for (const file of [...retired, ...(current === null ? [] : [current])]) {
      file.backlogUntil = (await file.handle.stat()).size;
    }
  };

  const lastGrowthMs = (): number => current?.grewAtMs ?? 0;

  const loop = (async () => {
    let quietSinceMs = monotonicMs();
    while (!stopping.signal.aborted) {
      let hasMore = false;
      try {
        hasMore = await look();
        problem = null;
      } catch (error) {
        if (problem === null) log.warn({ source: name, reason: messageOf(error) }, 'log file cannot be read');
        problem = messageOf(error);
      }
      if (hasMore) quietSinceMs = monotonicMs();
      const idle = monotonicMs() - Math.max(quietSinceMs, lastGrowthMs()) >= IDLE_AFTER_MS;
      const waitMs = hasMore ? 0 : idle ? IDLE_FILE_POLL_MS : FILE_POLL_MS;
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();

  const phase = (): SourcePhase => {
    if (problem !== null) return 'failed';
    if (current === null && retired.length === 0) return 'waiting';
    return gate.isOpen ? 'reading' : 'paused';
  };
  return {
    pipeline,
    marks: () => generations.slice(-MAX_RETIRED - 2).map(markOf),
    state: () => ({
      name,
      kind: 'file',
      phase: phase(),
      ...(problem === null ? {} : { problem }),
      ...pipeline.counts(),
      lostBytes,
    }),
    isGone: () => hasBegun && current === null && retired.length === 0,
    async stop() {
      stopping.abort();
      await pipeline.stop();
      await loop;
      for (const file of [...retired, ...(current === null ? [] : [current])]) await file.handle.close();
    },
  };
}

const isSame = ({ device, inode }: Generation, there: { dev: number; ino: number }): boolean =>
  device === there.dev && inode === there.ino;

const markless = ({ stats }: OpenFile): Omit<Generation, 'head'> => ({
  device: stats.dev,
  inode: stats.ino,
  bornMs: stats.birthtimeMs,
  committed: 0,
});
