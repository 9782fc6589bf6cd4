/** AMD GPUs as the amdgpu driver shows them in /sys/class/drm. Source: docs.kernel.org/gpu/amdgpu/thermal.html. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GpuUse, MAX_GPUS } from './gpu.ts';

const AMD_VENDOR = '0x1002';
const MIB = 1024 * 1024;

/** Text of the files of one card; null where there is none. */
export interface AmdFiles {
  readonly vendor: string | null;
  readonly busyPercent: string | null;
  readonly vramUsed: string | null;
  readonly vramTotal: string | null;
  /** Thousandths of a degree. */
  readonly temperature: string | null;
  /** Millionths of a watt. */
  readonly power: string | null;
  readonly productName: string | null;
}

/** Null for a card of another vendor. Pure. */
export function amdGpu(index: number, files: AmdFiles): GpuUse | null {
  if (files.vendor?.trim() !== AMD_VENDOR) return null;
  const scaled = (text: string | null, divisor: number): number | null => {
    const digits = text?.trim() ?? '';
    return /^-?\d{1,18}$/.test(digits) ? Math.round((Number(digits) / divisor) * 100) / 100 : null;
  };
  return {
    index,
    name: files.productName?.trim().slice(0, 100) || 'AMD GPU',
    utilizationPercent: scaled(files.busyPercent, 1),
    memoryUsedMib: scaled(files.vramUsed, MIB),
    memoryTotalMib: scaled(files.vramTotal, MIB),
    temperatureCelsius: scaled(files.temperature, 1000),
    powerWatts: scaled(files.power, 1_000_000),
  };
}

/** @throws Error where the machine has no such folder. */
export async function readAmdGpus(root = '/sys/class/drm'): Promise<GpuUse[]> {
  const cards = (await readdir(root))
    .flatMap((name) => /^card(\d{1,3})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
    .slice(0, MAX_GPUS);
  const gpus = await Promise.all(
    cards.map(async (index) => amdGpu(index, await readCard(join(root, `card${index}`, 'device')))),
  );
  return gpus.filter((gpu) => gpu !== null);
}

async function readCard(folder: string): Promise<AmdFiles> {
  const read = (...path: string[]): Promise<string | null> =>
    readFile(join(folder, ...path), 'utf8').catch(() => null);
  const sensors = (await readdir(join(folder, 'hwmon')).catch(() => []))[0];
  const sensor = (name: string) => (sensors === undefined ? null : read('hwmon', sensors, name));
  const [vendor, busyPercent, vramUsed, vramTotal, productName, temperature, average, input] =
    await Promise.all([
      read('vendor'),
      read('gpu_busy_percent'),
      read('mem_info_vram_used'),
      read('mem_info_vram_total'),
      read('product_name'),
      sensor('temp1_input'),
      sensor('power1_average'),
      sensor('power1_input'),
    ]);
  const power = average ?? input;
  return { vendor, busyPercent, vramUsed, vramTotal, productName, temperature, power };
}
