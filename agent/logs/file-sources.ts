/** The files of the configuration: finds those that its patterns name, and follows each. */
import { basename } from 'node:path';
import type { FileConfig } from './config.ts';
import { filesOf, withoutRotated } from './file-finder.ts';
import { type FilePosition, type FileTail, startFileTail } from './file-tail.ts';
import type { Gate } from './gate.ts';
import { GLOB_EVERY_MS, MAX_FILES } from './limits.ts';
import type { Pipeline } from './pipeline.ts';
import type { PositionStore } from './positions.ts';
import type { SourceState } from './source-state.ts';
import type { Surroundings } from './surroundings.ts';
import { hasWildcard } from './wildcard.ts';

export interface FileSourcesOptions {
  readonly configs: readonly FileConfig[];
  readonly positions: PositionStore;
  readonly gate: Gate;
  readonly around: Surroundings;
  readonly pipeline: (
    name: string,
    config: FileConfig,
    commit: (position: FilePosition) => void,
  ) => Pipeline<FilePosition>;
}

/** Part of the shipper that reads one kind of source. */
export interface Sources {
  tick(): void;
  states(): SourceState[];
  stop(): Promise<void>;
}

export function startFileSources({
  configs,
  positions,
  gate,
  around,
  pipeline,
}: FileSourcesOptions): Sources {
  const tails = new Map<string, FileTail>();
  const isKnownPattern = new Set(positions.now.patterns);
  let isFirstLook = true;
  let isFull = false;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | null = null;
  let isStopping = false;
  positions.now.patterns = configs.map(({ path }) => path);
  positions.changed();

  const follow = (path: string, config: FileConfig): void => {
    if (tails.has(path)) return;
    if (tails.size >= MAX_FILES) {
      if (!isFull) around.log.warn({ path, limit: MAX_FILES }, 'too many log files');
      isFull = true;
      return;
    }
    // A file that came while the agent looked on, or since it last ran, is new from its first line.
    const isNew = !isFirstLook || isKnownPattern.has(config.path);
    const tail = startFileTail({
      path,
      service: config.service ?? serviceOf(path),
      begin: config.from ?? (isNew ? 'start' : 'end'),
      marks: positions.now.files[path] ?? [],
      gate,
      around,
      changed: () => positions.changed(),
      pipeline: (commit) => pipeline(`file:${path}`, config, commit),
    });
    tails.set(path, tail);
    positions.collect(path, () => tail.marks());
  };
  const look = async (): Promise<void> => {
    for (const config of configs) {
      const found = hasWildcard(config.path)
        ? withoutRotated(await filesOf(config.path), [...tails.keys()])
        : [config.path];
      if (isStopping) return;
      for (const path of found) follow(path, config);
    }
    isFirstLook = false;
    for (const [path, tail] of tails) {
      if (!tail.isGone() || configs.some((config) => config.path === path)) continue;
      tails.delete(path);
      await tail.stop();
      positions.collect(path, () => []);
    }
  };
  const tick = (): void => {
    for (const { pipeline: each } of tails.values()) each.tick();
    if (looking !== null || around.monotonicMs() - lookedAtMs < GLOB_EVERY_MS) return;
    lookedAtMs = around.monotonicMs();
    looking = look()
      .catch((error: unknown) =>
        around.log.error({ reason: String(error) }, 'log files cannot be looked for'),
      )
      .finally(() => {
        looking = null;
      });
  };
  tick();

  return {
    tick,
    states: () => [...tails.values()].map((tail) => tail.state()),
    async stop() {
      isStopping = true;
      await looking;
      await Promise.all([...tails.values()].map((tail) => tail.stop()));
    },
  };
}

const serviceOf = (path: string): string => {
  const name = basename(path);
  return name.replace(/\.(?:log|txt|out|err|json)$/, '') || name;
};
