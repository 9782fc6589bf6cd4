/** Collectors of a machine that does not exist: plausible values that move, services of which one falls over now and then. */
import type { ServiceStatus } from '#contract';
import { clampPercent } from '../collectors/cpu.ts';
import type { Collectors } from '../collectors/sample.ts';
import { AGENT_VERSION } from '../version.ts';

const GIB = 1024 ** 3;
const SERVICES = ['vllm', 'open-webui', 'edge-gateway', 'postgresql'] as const;
/** Chance per look that a running service falls, and that a fallen one is back. */
const FALL_CHANCE = 0.005;
const RISE_CHANCE = 0.3;
/** Every third device has a GPU, as a UC-1-Pro has. */
const GPU_EVERY = 3;

export interface SimulationOptions {
  readonly index: number;
  readonly name: string;
  readonly now: () => Date;
  readonly random: () => number;
}

export function simulatedCollectors({ index, name, now, random }: SimulationOptions): Collectors {
  const bootedAtMs = now().getTime() - Math.floor(random() * 30 * 86_400_000);
  const cores = 4 * 2 ** (index % 4);
  const memoryBytes = 8 * GIB * 2 ** (index % 4);
  const diskBytes = 256 * GIB * 2 ** (index % 3);
  const hasGpu = index % GPU_EVERY === 0;
  const level = {
    cpu: 10 + random() * 50,
    memory: 30 + random() * 40,
    disk: 20 + random() * 50,
    gpu: random() * 90,
  };
  const fallen = new Set<string>();
  /** A step that is drawn back to the middle, so that values neither stick nor run away. */
  const walk = (value: number, step: number): number =>
    clampPercent(value + (random() * 2 - 1) * step + (50 - value) * 0.02);

  return {
    sample: () => {
      level.cpu = walk(level.cpu, 8);
      level.memory = walk(level.memory, 2);
      level.disk = walk(level.disk, 0.2);
      level.gpu = walk(level.gpu, 15);
      const takenAt = now();
      return Promise.resolve({
        takenAt,
        uptimeSeconds: Math.floor((takenAt.getTime() - bootedAtMs) / 1000),
        cpu: { percent: level.cpu, cores, load1: Math.round((level.cpu / 100) * cores * 100) / 100 },
        memory: {
          totalBytes: memoryBytes,
          usedBytes: Math.round((memoryBytes * level.memory) / 100),
          swapTotalBytes: 0,
          swapUsedBytes: 0,
        },
        disk: {
          mount: '/',
          totalBytes: diskBytes,
          usedBytes: Math.round((diskBytes * level.disk) / 100),
          percent: level.disk,
        },
        network: [
          {
            name: 'eth0',
            receivedBytesPerSecond: Math.round(random() * 2_000_000),
            sentBytesPerSecond: Math.round(random() * 500_000),
            errors: 0,
          },
        ],
        gpus: hasGpu
          ? [
              {
                index: 0,
                name: 'Simulated GPU',
                utilizationPercent: level.gpu,
                memoryUsedMib: Math.round(8192 + level.gpu * 160),
                memoryTotalMib: 32_768,
                temperatureCelsius: Math.round(40 + level.gpu * 0.4),
                powerWatts: Math.round(60 + level.gpu * 3),
              },
            ]
          : [],
      });
    },
    services: () =>
      Promise.resolve(
        SERVICES.map((service): ServiceStatus => {
          if (fallen.has(service) ? random() < RISE_CHANCE : random() < FALL_CHANCE) {
            if (!fallen.delete(service)) fallen.add(service);
          }
          return { name: service, kind: 'docker', status: fallen.has(service) ? 'failed' : 'running' };
        }),
      ),
    facts: () =>
      Promise.resolve({
        hostname: name,
        os: 'Simulated Linux',
        kernel: '6.12.0',
        arch: index % 2 === 0 ? 'x64' : 'arm64',
        cpu_model: 'Simulated CPU',
        cpu_cores: cores,
        memory_bytes: memoryBytes,
        ip_addresses: `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
        agent_version: AGENT_VERSION,
        simulated: true,
      }),
  };
}

/** What a simulated device must have running to be well. */
export const SIMULATED_SERVICES: ReadonlySet<string> = new Set(SERVICES);
