/** Memory from /proc/meminfo. Pure. Source: proc_meminfo(5). */

export interface MemoryUse {
  readonly totalBytes: number;
  /** Without what the kernel can give back, as `free` counts it. */
  readonly usedBytes: number;
  readonly swapTotalBytes: number;
  readonly swapUsedBytes: number;
}

/** Null when the total is not told. */
export function parseMeminfo(text: string): MemoryUse | null {
  const bytes = (field: string): number | null => {
    const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
    return found === undefined ? null : Number(found) * 1024;
  };
  const total = bytes('MemTotal');
  if (total === null || total === 0) return null;
  // MemAvailable is missing on kernels before 3.14.
  const available =
    bytes('MemAvailable') ?? (bytes('MemFree') ?? 0) + (bytes('Buffers') ?? 0) + (bytes('Cached') ?? 0);
  const swapTotal = bytes('SwapTotal') ?? 0;
  return {
    totalBytes: total,
    usedBytes: Math.max(0, total - available),
    swapTotalBytes: swapTotal,
    swapUsedBytes: Math.max(0, swapTotal - (bytes('SwapFree') ?? 0)),
  };
}
