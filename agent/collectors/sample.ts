/** One look at the machine, and what of it goes into a heartbeat and into the outbox. Pure. */
import { type HeartbeatMetrics, MAX_METRIC_FIELDS, type MetricRecord, type ServiceStatus } from '#contract';
import type { View } from './baselines.ts';
import { clampPercent } from './cpu.ts';
import type { DiskUse } from './disk.ts';
import type { Facts } from './facts.ts';
import type { GpuUse } from './gpu.ts';
import type { MemoryUse } from './memory.ts';
import type { InterfaceRate } from './network.ts';
import { MAX_PROCESSES, type ProcessUse, type WatchedProcess } from './processes.ts';

/** Null or empty = could not be read this time. */
export interface Sample {
  readonly takenAt: Date;
  readonly uptimeSeconds: number;
  readonly cpu: {
    readonly percent: number | null;
    readonly cores: number;
    readonly load1: number;
    /** Busy share by number of the core. */
    readonly corePercents?: ReadonlyMap<number, number>;
  } | null;
  readonly memory: MemoryUse | null;
  /** Of the file system that holds the state folder. */
  readonly disk: DiskUse | null;
  /** Every file system on a disk; where they are not known, `disk` stands for them. */
  readonly disks?: readonly DiskUse[];
  readonly network: readonly InterfaceRate[];
  readonly gpus: readonly GpuUse[];
}

/** Where samples come from: the machine, or a simulated one. No method throws for a part that cannot be read. */
export interface Collectors {
  /** Shares and rates are means since the last sample for the same view; default: the heartbeat's. */
  sample(view?: View): Promise<Sample>;
  services(): Promise<ServiceStatus[]>;
  facts(): Promise<Facts>;
  /** The services that the last look found, and the watched processes. */
  processes?(view: View, watched: readonly WatchedProcess[]): Promise<ProcessUse[]>;
}

export function heartbeatMetrics({ cpu, memory, disk, gpus }: Sample): HeartbeatMetrics {
  const busiest = Math.max(...gpus.map((gpu) => gpu.utilizationPercent ?? -1), -1);
  return {
    ...(cpu === null || cpu.percent === null ? {} : { cpu_percent: cpu.percent }),
    ...(memory === null ? {} : { memory_percent: memoryPercent(memory) }),
    ...(disk === null ? {} : { disk_percent: disk.percent }),
    ...(busiest < 0 ? {} : { gpu_percent: clampPercent(busiest) }),
  };
}

type Labels = NonNullable<MetricRecord['labels']>;
/** Longest text that a label may hold. */
const MAX_LABEL = 100;

/** Fields and labels as METRIC_CATALOGUE has them: one record per file system, interface and GPU. */
export function metricRecords({ takenAt, cpu, memory, disk, disks, network, gpus }: Sample): MetricRecord[] {
  const timestamp = takenAt.toISOString();
  const record = (type: string, value: Fields, labels?: Labels) => recordOf(timestamp, type, value, labels);
  const fileSystems = disks === undefined || disks.length === 0 ? (disk === null ? [] : [disk]) : disks;
  return [
    ...(cpu === null || cpu.percent === null
      ? []
      : record('cpu', { percent: cpu.percent, cores: cpu.cores, load1: cpu.load1 })),
    ...[...coreGroups(cpu?.corePercents ?? new Map())].flatMap(([from, fields]) =>
      record('cpu_core', Object.fromEntries(fields), { from: String(from) }),
    ),
    ...(memory === null
      ? []
      : record('memory', {
          percent: memoryPercent(memory),
          used_bytes: memory.usedBytes,
          total_bytes: memory.totalBytes,
          swap_used_bytes: memory.swapUsedBytes,
        })),
    ...fileSystems.flatMap(({ mount, percent, usedBytes, totalBytes, inodesPercent = null }) =>
      record(
        'disk',
        { percent, used_bytes: usedBytes, total_bytes: totalBytes, inodes_percent: inodesPercent },
        { mount },
      ),
    ),
    ...network.flatMap((rate) =>
      record(
        'network',
        {
          received_bytes_per_second: rate.receivedBytesPerSecond,
          sent_bytes_per_second: rate.sentBytesPerSecond,
          errors: rate.errors,
        },
        { interface: rate.name },
      ),
    ),
    ...gpus.flatMap((gpu) =>
      record(
        'gpu',
        {
          utilization: gpu.utilizationPercent,
          memory_used: gpu.memoryUsedMib,
          memory_total: gpu.memoryTotalMib,
          temperature: gpu.temperatureCelsius,
          power: gpu.powerWatts,
        },
        { gpu: String(gpu.index), name: gpu.name },
      ),
    ),
  ];
}

/**
 * One record for each service and watched process. `services` tells state and restarts; `uses` adds what each of them
 * uses, and the processes that are no services. Where two kinds share a name, the later one is called kind/name.
 */
export function processRecords(
  takenAt: Date,
  services: readonly ServiceStatus[],
  uses: readonly ProcessUse[],
): MetricRecord[] {
  const rows = new Map<string, { name: string; kind: string; value: Fields }>();
  for (const { name, kind = 'unknown', status, restarts = null } of services) {
    rows.set(`${kind}/${name}`, { name, kind, value: { running: Number(status === 'running'), restarts } });
  }
  for (const { name, kind, isRunning, restarts, cpuPercent, memoryBytes } of uses) {
    const known = rows.get(`${kind}/${name}`)?.value ?? { running: Number(isRunning), restarts };
    const value = { ...known, cpu_percent: cpuPercent, memory_bytes: memoryBytes };
    rows.set(`${kind}/${name}`, { name, kind, value });
  }
  const taken = new Set<string>();
  const timestamp = takenAt.toISOString();
  return [...rows.values()].slice(0, MAX_PROCESSES).flatMap(({ name, kind, value }) => {
    const service = taken.has(name) ? `${kind}/${name}` : name;
    taken.add(service);
    return recordOf(timestamp, 'process', value, { service });
  });
}

type Fields = Readonly<Record<string, number | null>>;

/** Fields that are not known are left out; without any there is no record. */
function recordOf(timestamp: string, metric_type: string, fields: Fields, labels?: Labels): MetricRecord[] {
  const known = Object.entries(fields).filter(([, value]) => value !== null);
  if (known.length === 0) return [];
  const value = Object.fromEntries(known);
  if (labels === undefined) return [{ timestamp, metric_type, value }];
  const cut = Object.fromEntries(
    Object.entries(labels).map(([name, text]) => [name, text.slice(0, MAX_LABEL).toWellFormed()]),
  );
  return [{ timestamp, metric_type, labels: cut, value }];
}

/** As many cores to a record as it may have fields, by the number of the first place in the record. */
function coreGroups(percents: ReadonlyMap<number, number>): Map<number, Map<string, number>> {
  const groups = new Map<number, Map<string, number>>();
  for (const [core, percent] of percents) {
    const from = Math.floor(core / MAX_METRIC_FIELDS) * MAX_METRIC_FIELDS;
    const group = groups.get(from) ?? new Map<string, number>();
    groups.set(from, group.set(String(core), percent));
  }
  return groups;
}

const memoryPercent = ({ usedBytes, totalBytes }: MemoryUse): number =>
  clampPercent((usedBytes / totalBytes) * 100);
