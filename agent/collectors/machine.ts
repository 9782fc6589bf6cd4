/** Collectors of the machine that the agent runs on; parts that cannot be read are left out and logged once. */
import { readFile } from 'node:fs/promises';
import { cpus, freemem, loadavg, totalmem, uptime } from 'node:os';
import type { ServiceStatus } from '#contract';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { CONTAINER_TOOLS, CONTAINERS_ABSENT_MS, readContainers } from './containers.ts';
import { type CpuTimes, cpuPercent, parseProcStat } from './cpu.ts';
import { readDisk } from './disk.ts';
import { readFacts } from './facts.ts';
import { GPU_ABSENT_MS, readGpus } from './gpu.ts';
import { type MemoryUse, parseMeminfo } from './memory.ts';
import { type InterfaceCounters, networkRates, parseNetDev } from './network.ts';
import { probe, type RunProgram, runProgram } from './program.ts';
import type { Collectors } from './sample.ts';
import { hasSystemd, readUnits } from './systemd.ts';

/** What a heartbeat may carry. */
const MAX_SERVICES = 200;

export interface MachineOptions {
  /** Its file system is the one that is watched. */
  readonly stateDir: string;
  /** Services that are reported whatever their state. */
  readonly watchedServices: ReadonlySet<string>;
  readonly agentVersion: string;
  readonly log: Log;
  readonly now: () => Date;
  readonly run?: RunProgram;
}

export function machineCollectors(options: MachineOptions): Collectors {
  const { stateDir, watchedServices, agentVersion, log, now, run = runProgram } = options;
  const nowMs = (): number => now().getTime();
  const gpus = probe(() => readGpus(run), { absentForMs: GPU_ABSENT_MS, nowMs });
  const containers = CONTAINER_TOOLS.map((tool) =>
    probe(() => readContainers(run, tool), { absentForMs: CONTAINERS_ABSENT_MS, nowMs }),
  );
  const units = probe(() => readUnits(run, watchedServices), { absentForMs: CONTAINERS_ABSENT_MS, nowMs });
  const troubled = new Set<string>();
  let cpuBefore: CpuTimes | null = null;
  let networkBefore: { readonly counters: InterfaceCounters[]; readonly atMs: number } | null = null;

  /** One failing part never costs the others. */
  const part = async <T>(name: string, read: () => Promise<T>, otherwise: T): Promise<T> => {
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

  return {
    async sample() {
      const [cpu, memory, disk, network, gpuUse] = await Promise.all([
        part(
          'cpu',
          async () => {
            const times = await readCpu();
            const percent = cpuPercent(cpuBefore, times);
            cpuBefore = times;
            return { percent, cores: times.cores, load1: Math.round((loadavg()[0] ?? 0) * 100) / 100 };
          },
          null,
        ),
        part('memory', readMemory, null),
        part('disk', () => readDisk(stateDir), null),
        part('network', async () => {
          if (process.platform !== 'linux') return [];
          const counters = parseNetDev(await readFile('/proc/net/dev', 'utf8'));
          const atMs = performance.now();
          const rates =
            networkBefore === null
              ? []
              : networkRates(networkBefore.counters, counters, (atMs - networkBefore.atMs) / 1000);
          networkBefore = { counters, atMs };
          return rates;
        }, []),
        part('gpu', async () => (await gpus()) ?? [], []),
      ]);
      return {
        takenAt: now(),
        uptimeSeconds: Math.floor(uptime()),
        cpu,
        memory,
        disk,
        network,
        gpus: gpuUse,
      };
    },
    services: () =>
      part('services', async () => {
        const found = await Promise.all([
          hasSystemd() ? units() : Promise.resolve(null),
          ...containers.map((ask) => ask()),
        ]);
        return boundServices(found.flatMap((list) => list ?? []));
      }, []),
    facts: () => part('facts', () => readFacts(agentVersion), { agent_version: agentVersion }),
  };
}

/** Failed services first, each name and kind once, as many as a heartbeat may carry. Pure. */
export function boundServices(services: readonly ServiceStatus[]): ServiceStatus[] {
  const unique = new Map(services.map((service) => [`${service.kind}/${service.name}`, service]));
  return [...unique.values()]
    .sort((a, b) => Number(b.status === 'failed') - Number(a.status === 'failed'))
    .slice(0, MAX_SERVICES);
}

async function readCpu(): Promise<CpuTimes> {
  const times = process.platform === 'linux' ? parseProcStat(await readFile('/proc/stat', 'utf8')) : null;
  if (times !== null) return times;
  const cores = cpus();
  const sum = (pick: (core: (typeof cores)[number]['times']) => number): number =>
    cores.reduce((total, core) => total + pick(core.times), 0);
  return {
    total: sum((core) => core.user + core.nice + core.sys + core.idle + core.irq),
    idle: sum((core) => core.idle),
    cores: cores.length,
  };
}

async function readMemory(): Promise<MemoryUse> {
  const use = process.platform === 'linux' ? parseMeminfo(await readFile('/proc/meminfo', 'utf8')) : null;
  return (
    use ?? { totalBytes: totalmem(), usedBytes: totalmem() - freemem(), swapTotalBytes: 0, swapUsedBytes: 0 }
  );
}
