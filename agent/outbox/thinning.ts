/** Which held records stay when the outbox is full (SEMANTICS 4.7). Pure. */
import type { LogLevel, LogRecord, MetricRecord } from '#contract';

/** One record in this many stays, for each series on its own. */
export const THIN_ONE_IN = 10;

/** Keeps the first of every ten records of each series, in order; at least one record of each stays. */
export function thin(records: readonly MetricRecord[]): MetricRecord[] {
  const seen = new Map<string, number>();
  return records.filter((record) => {
    const series = seriesOf(record);
    const count = seen.get(series) ?? 0;
    seen.set(series, count + 1);
    return count % THIN_ONE_IN === 0;
  });
}

/** Type and labels, whatever order they came in; values beside them once told a disk or an interface apart, too. */
function seriesOf({ metric_type, labels, value }: MetricRecord): string {
  const named = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([metric_type, named, value.mount ?? value.interface ?? value.index ?? null]);
}

export const withoutLevel = (records: readonly LogRecord[], level: LogLevel): LogRecord[] =>
  records.filter(({ log_level }) => log_level !== level);
