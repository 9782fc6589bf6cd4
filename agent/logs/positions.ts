/** Where each source goes on after a restart: one small file, written by rename. */
import { type Static, Type } from 'typebox';
import { messageOf } from '../errors.ts';
import type { StateFolder } from '../state.ts';
import { MAX_CONTAINERS, MAX_FILES, MAX_RETIRED, POSITIONS_EVERY_MS } from './limits.ts';
import type { Surroundings } from './surroundings.ts';

const FILE = 'log-positions.json';

/** One file that was at a path: known again by its number and its first bytes. */
export const FileMark = Type.Object({
  device: Type.Integer(),
  inode: Type.Integer(),
  born_ms: Type.Number(),
  offset: Type.Integer({ minimum: 0 }),
  head_bytes: Type.Integer({ minimum: 0 }),
  head_sha256: Type.String(),
});
export type FileMark = Static<typeof FileMark>;

const StreamMark = Type.Object({
  timestamp: Type.String({ maxLength: 40 }),
  count: Type.Integer({ minimum: 1, description: 'Lines taken that have this very timestamp.' }),
});
export const ContainerMark = Type.Object({
  stdout: Type.Optional(StreamMark),
  stderr: Type.Optional(StreamMark),
  since: Type.Optional(
    Type.String({ maxLength: 40, description: 'Without marks: what is older is history and is not read.' }),
  ),
});
export type ContainerMark = Static<typeof ContainerMark>;

const Positions = Type.Object({
  patterns: Type.Array(Type.String(), { maxItems: 1000 }),
  files: Type.Record(Type.String(), Type.Array(FileMark, { maxItems: MAX_RETIRED + 2 }), {
    maxProperties: 2 * MAX_FILES,
  }),
  journal_cursor: Type.Optional(Type.String({ maxLength: 1024 })),
  containers: Type.Optional(Type.Record(Type.String(), ContainerMark, { maxProperties: 4 * MAX_CONTAINERS })),
});
type Positions = Static<typeof Positions>;

export interface PositionStore {
  /** As it is now; the parts are changed in place, then {@link PositionStore.changed} is called. */
  readonly now: Positions;
  changed(): void;
  /** Asked for the marks of a path before each writing; null or none: nothing to keep. */
  collect(path: string, marks: (() => readonly FileMark[]) | null): void;
  /** Writes every 2 s at most. Called every 100 ms. */
  tick(): void;
  /** Writes what is not written. */
  stop(): Promise<void>;
}

/** A damaged file is reported and replaced: sources then begin as on the first day. */
export async function openPositions(folder: StateFolder, around: Surroundings): Promise<PositionStore> {
  const { monotonicMs, event, log } = around;
  let isChanged = false;
  let writing: Promise<void> | null = null;
  let writtenAtMs = Number.NEGATIVE_INFINITY;
  const collectors = new Map<string, () => readonly FileMark[]>();
  const now: Positions = { patterns: [], files: {} };
  try {
    Object.assign(now, await folder.readJson(FILE, Positions));
  } catch (error) {
    log.error({ reason: messageOf(error) }, 'positions of logs cannot be read');
    event({
      kind: 'log.positions_lost',
      log_level: 'error',
      message: 'The file of log positions is damaged: sources begin as on the first day',
    });
  }

  const write = async (): Promise<void> => {
    isChanged = false;
    writtenAtMs = monotonicMs();
    for (const [path, marks] of collectors) {
      const found = [...marks()];
      if (found.length === 0) delete now.files[path];
      else now.files[path] = found;
    }
    try {
      await folder.writeJson(FILE, now);
    } catch (error) {
      isChanged = true;
      log.warn({ reason: messageOf(error) }, 'positions of logs cannot be written');
    }
  };
  return {
    now,
    changed() {
      isChanged = true;
    },
    collect(path, marks) {
      if (marks === null) collectors.delete(path);
      else collectors.set(path, marks);
    },
    tick() {
      if (!isChanged || writing !== null || monotonicMs() - writtenAtMs < POSITIONS_EVERY_MS) return;
      writing = write().finally(() => {
        writing = null;
      });
    },
    async stop() {
      if (writing !== null) await writing;
      if (isChanged) await write();
    },
  };
}
