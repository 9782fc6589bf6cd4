/** What tells series apart: the type and the labels, in whatever order they came. Pure. */
import type { MetricRecord } from '#contract';

export function seriesKey(
  metricType: string,
  labels: NonNullable<MetricRecord['labels']> | undefined = {},
): string {
  const names = Object.keys(labels);
  if (names.length === 0) return metricType;
  return JSON.stringify([metricType, ...names.sort().map((name) => [name, labels[name]])]);
}
