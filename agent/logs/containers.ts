/** The containers of this machine: finds them by `ps`, follows each by `logs`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CONTAINER_TOOLS, type ContainerTool } from '../collectors/containers.ts';
import { type RunProgram, runProgram } from '../collectors/program.ts';
import { messageOf } from '../errors.ts';
import type { ContainersConfig } from './config.ts';
import { type Container, listArgs, parseContainerList } from './container-list.ts';
import { type ContainerPosition, followContainer } from './container-tail.ts';
import type { Sources } from './file-sources.ts';
import type { Gate } from './gate.ts';
import { CONTAINERS_EVERY_MS, MAX_CONTAINERS, TICK_MS } from './limits.ts';
import type { Pipeline } from './pipeline.ts';
import type { PositionStore } from './positions.ts';
import type { SourceState } from './source-state.ts';
import type { Surroundings } from './surroundings.ts';
import { matchesAny } from './wildcard.ts';

export interface ContainersOptions {
  readonly config: ContainersConfig;
  readonly positions: PositionStore;
  readonly gate: Gate;
  readonly around: Surroundings;
  readonly pipeline: (
    name: string,
    commit: (position: ContainerPosition) => void,
  ) => Pipeline<ContainerPosition>;
  readonly run?: RunProgram;
  /** Paths of the tools; default: their names. */
  readonly programs?: Partial<Readonly<Record<ContainerTool, string>>>;
  readonly everyMs?: number;
}

interface Followed {
  container: Container;
  readonly tool: ContainerTool;
  readonly pipeline: Pipeline<ContainerPosition>;
  running: Promise<void> | null;
  problem: string | null;
  /** Its log was read to the end after it stopped. */
  isRead: boolean;
}

export function startContainers(options: ContainersOptions): Sources {
  const { config, positions, gate, around, run = runProgram, everyMs = CONTAINERS_EVERY_MS } = options;
  const tools = config.tool === undefined ? CONTAINER_TOOLS : [config.tool];
  const programOf = (tool: ContainerTool): string => options.programs?.[tool] ?? tool;
  const followed = new Map<string, Followed>();
  const stopping = new AbortController();
  // Known containers in the file of positions: those that came meanwhile are new from their first line.
  const isFirstDay = positions.now.containers === undefined;
  const marks = positions.now.containers ?? {};
  positions.now.containers = marks;
  let isFirstLook = true;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | null = null;

  const isWanted = ({ name }: Container): boolean =>
    (config.include === undefined || matchesAny(config.include, name)) &&
    !matchesAny(config.exclude ?? [], name);
  const add = (tool: ContainerTool, container: Container): Followed => {
    const { id, name } = container;
    const pipeline = options.pipeline(`${tool}:${name}`, ({ stream, timestamp, count }) => {
      marks[id] = { ...marks[id], [stream]: { timestamp, count } };
      positions.changed();
    });
    return { container, tool, pipeline, running: null, problem: null, isRead: false };
  };
  const follow = (entry: Followed): void => {
    const { container, tool, pipeline } = entry;
    const isLast = !container.isRunning;
    entry.running = followContainer({
      container,
      program: programOf(tool),
      mark: () => marks[container.id] ?? {},
      pipeline,
      gate,
      around,
      signal: stopping.signal,
    })
      .catch(messageOf)
      .then(async (problem) => {
        entry.problem = problem;
        // The next run goes on behind what is committed, so that has to be all.
        while (pipeline.open() > 0 && !stopping.signal.aborted) {
          await sleep(TICK_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
        }
        if (isLast && problem === null) entry.isRead = true;
        entry.running = null;
      });
  };
  const lookAt = (tool: ContainerTool, found: readonly Container[]): void => {
    for (const container of found.filter(isWanted)) {
      const known = followed.get(container.id);
      if (known === undefined) {
        // On the first day what containers wrote before is history.
        const isHistory = isFirstDay && isFirstLook;
        marks[container.id] ??= isHistory ? { since: around.now().toISOString() } : {};
        positions.changed();
        if (followed.size >= MAX_CONTAINERS) {
          around.log.warn({ container: container.name, limit: MAX_CONTAINERS }, 'too many containers');
          continue;
        }
        const entry = add(tool, container);
        followed.set(container.id, entry);
        follow(entry);
        continue;
      }
      known.container = container;
      if (container.isRunning) known.isRead = false;
      if (known.running === null && !known.isRead) follow(known);
    }
    for (const [id, entry] of followed) {
      if (entry.tool !== tool || entry.running !== null || found.some((container) => container.id === id))
        continue;
      followed.delete(id);
      void entry.pipeline.stop();
    }
  };
  const look = async (): Promise<void> => {
    const present = new Set<string>();
    let isWhole = true;
    for (const tool of tools) {
      try {
        const found = parseContainerList(await run(programOf(tool), listArgs(tool)));
        if (stopping.signal.aborted) return;
        for (const { id } of found) present.add(id);
        lookAt(tool, found);
      } catch (error) {
        // Not there, or its daemon is not: asked again at the next look.
        isWhole = false;
        around.log.debug({ tool, reason: messageOf(error) }, 'containers cannot be listed');
      }
    }
    forget(present, isWhole);
    isFirstLook = false;
  };
  /** Marks of containers that are gone; without an answer of every tool only when there are too many. */
  const forget = (present: ReadonlySet<string>, isWhole: boolean): void => {
    const gone = Object.keys(marks).filter((id) => !present.has(id) && !followed.has(id));
    const excess = isWhole
      ? gone
      : gone.slice(0, Math.max(0, Object.keys(marks).length - 2 * MAX_CONTAINERS));
    for (const id of excess) delete marks[id];
    if (excess.length > 0) positions.changed();
  };
  const tick = (): void => {
    for (const { pipeline } of followed.values()) pipeline.tick();
    if (looking !== null || around.monotonicMs() - lookedAtMs < everyMs) return;
    lookedAtMs = around.monotonicMs();
    looking = look()
      .catch((error: unknown) =>
        around.log.error({ reason: messageOf(error) }, 'containers cannot be followed'),
      )
      .finally(() => {
        looking = null;
      });
  };
  tick();

  const stateOf = ({ container, tool, pipeline, running, problem }: Followed): SourceState => ({
    name: `${tool}:${container.name}`,
    kind: 'container',
    phase: problem !== null ? 'failed' : running === null ? 'waiting' : gate.isOpen ? 'reading' : 'paused',
    ...(problem === null ? {} : { problem }),
    ...pipeline.counts(),
    lostBytes: 0,
  });
  return {
    tick,
    states: () => [...followed.values()].map(stateOf),
    async stop() {
      stopping.abort();
      await looking;
      await Promise.all(
        [...followed.values()].map(async ({ pipeline, running }) => {
          await pipeline.stop();
          await running;
        }),
      );
    },
  };
}
