/** Services and watched processes: whether they run, how often they started anew, what they use. */
import { createBaselines, type View } from './baselines.ts';
import { coreShare, type ProcessCounters } from './process-stat.ts';
import {
  type FoundProcess,
  findByCommand,
  findProcess,
  processCounters,
  readPidFile,
  serviceCounters,
} from './process-table.ts';

/** A process that no service manager looks after, found by its pid file or by the name of its program. */
export interface WatchedProcess {
  readonly name: string;
  readonly pid_file?: string;
  readonly command?: string;
}

export interface ProcessUse {
  readonly name: string;
  readonly kind: string;
  readonly isRunning: boolean;
  /** Null where nobody counts them. */
  readonly restarts: number | null;
  /** Of one core; null at the first look. */
  readonly cpuPercent: number | null;
  readonly memoryBytes: number | null;
}

/** A service as the last look at the service managers found it. */
export interface KnownService {
  readonly name: string;
  readonly kind: string;
  readonly isRunning: boolean;
  readonly restarts: number | null;
  readonly pid: number | null;
}

/** Most series of services and processes together. */
export const MAX_PROCESSES = 100;

interface Look extends Omit<ProcessUse, 'cpuPercent' | 'memoryBytes'> {
  readonly counters: ProcessCounters | null;
  /** Counters of another identity are another process's. */
  readonly identity: string;
}

export interface ProcessReader {
  read(
    view: View,
    services: readonly KnownService[],
    watched: readonly WatchedProcess[],
  ): Promise<ProcessUse[]>;
}

export function createProcessReader(nowMs: () => number = () => performance.now()): ProcessReader {
  const baselines = createBaselines<ReadonlyMap<string, number>>();
  const starts = new Map<string, { readonly identity: string; readonly restarts: number }>();

  const lookAtService = async ({ pid, ...service }: KnownService): Promise<Look> => ({
    ...service,
    counters: pid === null ? null : await serviceCounters(pid),
    identity: `${service.kind}/${service.name}/${pid}`,
  });
  const lookAtProcess = async (watched: WatchedProcess): Promise<Look> => {
    const found = await findWatched(watched);
    const counters = await Promise.all(found.map((process) => processCounters(process)));
    const oldest = found[0];
    const restarts = noteStart(starts, watched.name, oldest);
    return {
      name: watched.name,
      kind: 'process',
      isRunning: oldest !== undefined,
      restarts,
      counters:
        oldest === undefined
          ? null
          : {
              cpuSeconds: counters.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
              memoryBytes: counters.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
            },
      identity: `process/${watched.name}/${oldest?.pid}`,
    };
  };

  return {
    async read(view, services, watched) {
      const looks = await Promise.all([
        ...watched.slice(0, MAX_PROCESSES).map(lookAtProcess),
        ...services.slice(0, Math.max(0, MAX_PROCESSES - watched.length)).map(lookAtService),
      ]);
      const atMs = nowMs();
      const before = baselines.of(view, atMs);
      const seconds = before === null ? 0 : (atMs - before.atMs) / 1000;
      const spent = looks.flatMap(({ identity, counters }) =>
        counters === null ? [] : [[identity, counters.cpuSeconds] as const],
      );
      baselines.keep(view, new Map(spent), atMs);
      return looks.map(({ counters, identity, ...look }) => ({
        ...look,
        cpuPercent:
          counters === null ? null : coreShare(before?.value.get(identity), counters.cpuSeconds, seconds),
        memoryBytes: counters?.memoryBytes ?? null,
      }));
    },
  };
}

async function findWatched({ pid_file, command }: WatchedProcess): Promise<FoundProcess[]> {
  if (command !== undefined) return findByCommand(command);
  const pid = pid_file === undefined ? null : await readPidFile(pid_file);
  const process = pid === null ? null : await findProcess(pid);
  return process === null ? [] : [process];
}

/** A restart is another process where one was seen before, however long nothing ran between. */
function noteStart(
  starts: Map<string, { readonly identity: string; readonly restarts: number }>,
  name: string,
  process: FoundProcess | undefined,
): number {
  const known = starts.get(name);
  if (process === undefined) return known?.restarts ?? 0;
  const identity = `${process.pid}/${process.startedAtTicks}`;
  const restarts = known === undefined ? 0 : known.restarts + Number(known.identity !== identity);
  starts.set(name, { identity, restarts });
  return restarts;
}
