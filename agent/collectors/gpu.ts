/** NVIDIA GPUs as nvidia-smi tells them. Parser pure. Source: `nvidia-smi --help-query-gpu`. */
import type { RunProgram } from './program.ts';

export interface GpuUse {
  readonly index: number;
  readonly name: string;
  /** 0-100; null where the driver does not say ("[N/A]"). */
  readonly utilizationPercent: number | null;
  readonly memoryUsedMib: number | null;
  readonly memoryTotalMib: number | null;
  readonly temperatureCelsius: number | null;
  readonly powerWatts: number | null;
}

/** A machine without a GPU is asked again after this long. */
export const GPU_ABSENT_MS = 600_000;
export const MAX_GPUS = 16;

const FIELDS = 'index,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw,name';

export const readGpus = async (run: RunProgram): Promise<GpuUse[]> =>
  parseNvidiaSmi(await run('nvidia-smi', [`--query-gpu=${FIELDS}`, '--format=csv,noheader,nounits']));

/** The name comes last, for it may hold a comma. Lines of another shape (warnings) are passed over. */
export function parseNvidiaSmi(text: string): GpuUse[] {
  return text
    .split('\n')
    .flatMap((line) => {
      const [index, utilization, used, total, temperature, power, ...name] = line
        .split(',')
        .map((cell) => cell.trim());
      if (index === undefined || !/^\d+$/.test(index) || name.length === 0) return [];
      return [
        {
          index: Number(index),
          name: name.join(', ').slice(0, 100),
          utilizationPercent: numberOf(utilization),
          memoryUsedMib: numberOf(used),
          memoryTotalMib: numberOf(total),
          temperatureCelsius: numberOf(temperature),
          powerWatts: numberOf(power),
        },
      ];
    })
    .slice(0, MAX_GPUS);
}

const numberOf = (cell: string | undefined): number | null =>
  cell !== undefined && /^-?\d+(\.\d+)?$/.test(cell) ? Number(cell) : null;
