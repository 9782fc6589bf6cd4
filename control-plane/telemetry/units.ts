/** What a field of a metric is measured in: the catalogue for built-in types, the organisation's word for its own. Pure. */
import { METRIC_CATALOGUE, type MetricField, type MetricKind } from '#contract';
import type { StoredMetricType } from '#db';

export interface FieldFacts {
  readonly unit: string | null;
  readonly kind: MetricKind | null;
}

export function fieldFacts(
  declared: readonly StoredMetricType[],
): (metricType: string, field: string) => FieldFacts {
  const byName = new Map(declared.map((type) => [type.name, type]));
  return (metricType, field) => {
    const builtin = builtinField(metricType, field);
    if (builtin !== null) return { unit: builtin.unit, kind: builtin.kind };
    const own = byName.get(metricType);
    return own === undefined ? { unit: null, kind: null } : { unit: own.unit, kind: own.kind };
  };
}

/** Own keys only: a metric may be called `constructor`. */
function builtinField(metricType: string, field: string): MetricField | null {
  if (!Object.hasOwn(METRIC_CATALOGUE, metricType)) return null;
  const fields = METRIC_CATALOGUE[metricType]?.fields ?? {};
  if (Object.hasOwn(fields, field)) return fields[field] ?? null;
  return Object.hasOwn(fields, '*') ? (fields['*'] ?? null) : null;
}
