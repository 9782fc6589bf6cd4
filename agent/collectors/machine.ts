/** Collectors of the machine that the agent runs on; parts that cannot be read are left out and logged once. */
import { readFile } from 'node:fs/promises';
import { cpus, freemem, loadavg, totalmem, uptime } from 'node:os';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { readAmdGpus } from './amd-gpu.ts';
import { createBaselines, type View } from './baselines.ts';
import { type CpuTimes, corePercents, cpuPercent, parseProcStat } from './cpu.ts';
import { createDiskReader, readDisk } from './disk.ts';
import { readFacts } from './facts.ts';
import { GPU_ABSENT_MS, readGpus } from './gpu.ts';
import { type MemoryUse, parseMeminfo } from './memory.ts';
import { realMounts } from './mounts.ts';
import { type InterfaceCounters, type InterfaceRate, networkRates, parseNetDev } from './network.ts';
import { createProcessReader } from './processes.ts';
import { probe, type RunProgram, runProgram } from './program.ts';
import type { Collectors, Sample } from './sample.ts';
import { createServiceReader } from './services.ts';

export interface MachineOptions {
  /** Its file system is the one that the heartbeat tells. */
  readonly stateDir: string;
  /** Services that are reported whatever their state. */
  readonly watchedServices: ReadonlySet<string>;
  readonly agentVersion: string;
  readonly log: Log;
  readonly now: () => Date;
  readonly run?: RunProgram;
  readonly isSystemd?: () => boolean;
}

export function machineCollectors(options: MachineOptions): Collectors {
  const { stateDir, watchedServices, agentVersion, log, now, run = runProgram, isSystemd } = options;
  const nowMs = (): number => now().getTime();
  const absent = { absentForMs: GPU_ABSENT_MS, nowMs };
  const nvidia = probe(() => readGpus(run), absent);
  const amd = probe(() => readAmdGpus(), absent);
  const services = createServiceReader({
    run,
    watchedServices,
    nowMs,
    ...(isSystemd === undefined ? {} : { isSystemd }),
  });
  const processes = createProcessReader();
  const readDisks = createDiskReader();
  const part = createPart(log);
  const cpuSeen = createBaselines<CpuTimes>();
  const networkSeen = createBaselines<InterfaceCounters[]>();

  const cpu = async (view: View): Promise<Sample['cpu']> => {
    const times = await readCpu();
    const atMs = performance.now();
    const before = cpuSeen.of(view, atMs)?.value ?? null;
    cpuSeen.keep(view, times, atMs);
    return {
      percent: cpuPercent(before, times),
      cores: times.cores,
      load1: Math.round((loadavg()[0] ?? 0) * 100) / 100,
      corePercents: corePercents(before, times),
    };
  };
  const network = async (view: View): Promise<InterfaceRate[]> => {
    if (process.platform !== 'linux') return [];
    const counters = parseNetDev(await readFile('/proc/net/dev', 'utf8'));
    const atMs = performance.now();
    const before = networkSeen.of(view, atMs);
    networkSeen.keep(view, counters, atMs);
    return before === null ? [] : networkRates(before.value, counters, (atMs - before.atMs) / 1000);
  };
  const disks = async () =>
    process.platform === 'linux' ? readDisks(realMounts(await readFile('/proc/self/mounts', 'utf8'))) : [];
  const gpus = async () => {
    const [first, second] = await Promise.all([nvidia(), amd()]);
    const known = first ?? [];
    return [...known, ...(second ?? []).map((gpu, at) => ({ ...gpu, index: known.length + at }))];
  };

  return {
    async sample(view = 'heartbeat') {
      const [cpuUse, memory, disk, diskUses, rates, gpuUses] = await Promise.all([
        part('cpu', () => cpu(view), null),
        part('memory', readMemory, null),
        part('disk', () => readDisk(stateDir), null),
        part('disks', disks, []),
        part('network', () => network(view), []),
        part('gpu', gpus, []),
      ]);
      return {
        takenAt: now(),
        uptimeSeconds: Math.floor(uptime()),
        cpu: cpuUse,
        memory,
        disk,
        disks: diskUses,
        network: rates,
        gpus: gpuUses,
      };
    },
    services: () => part('services', () => services.read(), []),
    processes: (view, watched) =>
      part('processes', () => processes.read(view, services.known(), watched), []),
    facts: () => part('facts', () => readFacts(agentVersion), { agent_version: agentVersion }),
  };
}

/** One failing part never costs the others; each trouble is logged when it begins. */
function createPart(log: Log): <T>(name: string, read: () => Promise<T>, otherwise: T) => Promise<T> {
  const troubled = new Set<string>();
  return async (name, read, otherwise) => {
    try {
      const value = await read();
      troubled.delete(name);
      return value;
    } catch (error) {
      if (!troubled.has(name)) log.warn({ part: name, reason: messageOf(error) }, 'collector failed');
      troubled.add(name);
      return otherwise;
    }
  };
}

async function readCpu(): Promise<CpuTimes> {
  const times = process.platform === 'linux' ? parseProcStat(await readFile('/proc/stat', 'utf8')) : null;
  if (times !== null) return times;
  const each = new Map(
    cpus().map(({ times: { user, nice, sys, idle, irq } }, index) => [
      index,
      { total: user + nice + sys + idle + irq, idle },
    ]),
  );
  const sum = (field: 'total' | 'idle'): number =>
    [...each.values()].reduce((total, core) => total + core[field], 0);
  return { total: sum('total'), idle: sum('idle'), cores: each.size, each };
}

async function readMemory(): Promise<MemoryUse> {
  const use = process.platform === 'linux' ? parseMeminfo(await readFile('/proc/meminfo', 'utf8')) : null;
  return (
    use ?? { totalBytes: totalmem(), usedBytes: totalmem() - freemem(), swapTotalBytes: 0, swapUsedBytes: 0 }
  );
}
