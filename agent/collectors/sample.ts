/** One look at the machine, and what of it goes into a heartbeat and into the outbox. Pure. */
import type { HeartbeatMetrics, MetricRecord, ServiceStatus } from '#contract';
import { clampPercent } from './cpu.ts';
import type { DiskUse } from './disk.ts';
import type { Facts } from './facts.ts';
import type { GpuUse } from './gpu.ts';
import type { MemoryUse } from './memory.ts';
import type { InterfaceRate } from './network.ts';

/** Null or empty = could not be read this time. */
export interface Sample {
  readonly takenAt: Date;
  readonly uptimeSeconds: number;
  readonly cpu: { readonly percent: number | null; readonly cores: number; readonly load1: number } | null;
  readonly memory: MemoryUse | null;
  readonly disk: DiskUse | null;
  readonly network: readonly InterfaceRate[];
  readonly gpus: readonly GpuUse[];
}

/** Where samples come from: the machine, or a simulated one. Neither method throws for a part that cannot be read. */
export interface Collectors {
  sample(): Promise<Sample>;
  services(): Promise<ServiceStatus[]>;
  facts(): Promise<Facts>;
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

/** SD-E11's shapes: one record each for cpu, memory and disk, one per interface and per GPU. */
export function metricRecords(sample: Sample): MetricRecord[] {
  const timestamp = sample.takenAt.toISOString();
  const record = (metric_type: string, value: MetricRecord['value']): MetricRecord => ({
    timestamp,
    metric_type,
    value,
  });
  const { cpu, memory, disk, network, gpus } = sample;
  return [
    ...(cpu === null || cpu.percent === null
      ? []
      : [record('cpu', { percent: cpu.percent, cores: cpu.cores, load1: cpu.load1 })]),
    ...(memory === null
      ? []
      : [
          record('memory', {
            percent: memoryPercent(memory),
            used_bytes: memory.usedBytes,
            total_bytes: memory.totalBytes,
            swap_used_bytes: memory.swapUsedBytes,
          }),
        ]),
    ...(disk === null
      ? []
      : [
          record('disk', {
            percent: disk.percent,
            used_bytes: disk.usedBytes,
            total_bytes: disk.totalBytes,
            mount: disk.mount.slice(0, 200),
          }),
        ]),
    ...network.map((rate) =>
      record('network', {
        interface: rate.name,
        received_bytes_per_second: rate.receivedBytesPerSecond,
        sent_bytes_per_second: rate.sentBytesPerSecond,
        errors: rate.errors,
      }),
    ),
    ...gpus.map((gpu) =>
      record('gpu', {
        index: gpu.index,
        name: gpu.name,
        utilization: gpu.utilizationPercent,
        memory_used: gpu.memoryUsedMib,
        memory_total: gpu.memoryTotalMib,
        temperature: gpu.temperatureCelsius,
        power: gpu.powerWatts,
      }),
    ),
  ];
}

const memoryPercent = ({ usedBytes, totalBytes }: MemoryUse): number =>
  clampPercent((usedBytes / totalBytes) * 100);
