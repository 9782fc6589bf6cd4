/** How a bar script ends: one line `name: figure (limit)` and an exit code that says whether it holds. */

export interface BarResult {
  readonly name: string;
  readonly figure: string;
  readonly limit: string;
  readonly holds: boolean;
}

/** Runs a measurement to its end and exits the process: 0 where the limit holds, 1 where not or where it broke. */
export async function runBar(measure: () => Promise<BarResult>): Promise<never> {
  try {
    const { name, figure, limit, holds } = await measure();
    process.stdout.write(`${name}: ${figure} (${limit})\n`);
    process.exit(holds ? 0 : 1);
  } catch (thrown) {
    // What broke first, where tidying up failed because of it.
    const error = thrown instanceof SuppressedError ? thrown.suppressed : thrown;
    const [message, stack] = error instanceof Error ? [error.message, error.stack] : [String(error), ''];
    process.stdout.write(`${stack}\nbroke off: ${message.split('\n')[0]}\n`);
    process.exit(1);
  }
}

/** The value below which `share` of them lie; 0 of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
