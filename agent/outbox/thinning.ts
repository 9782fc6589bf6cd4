/** Down-sampling of held measurements when the outbox is full (SEMANTICS 4.7). Pure. */
import type { MetricRecord } from '#contract';

/** One record in this many stays, for each series on its own. */
export const THIN_ONE_IN = 10;

/** Keeps the first of every ten records of each series, in order; at least one record stays. */
export function thin(records: readonly MetricRecord[]): MetricRecord[] {
  const seen = new Map<string, number>();
  return records.filter((record) => {
    const series = seriesOf(record);
    const count = seen.get(series) ?? 0;
    seen.set(series, count + 1);
    return count % THIN_ONE_IN === 0;
  });
}

/** cpu and memory are one series each; a disk, an interface, a GPU is told apart by its name. */
const seriesOf = ({ metric_type, value }: MetricRecord): string =>
  `${metric_type} ${value.mount ?? value.interface ?? value.index ?? value.name ?? ''}`;
