/** What ingest must know of an organisation's telemetry settings, made ready for use. Pure. */
import { DEFAULT_TELEMETRY, METRIC_CATALOGUE, type TelemetrySettings } from '#contract';
import { createRedactor, type Redactor } from '#contract/redaction';
import type { StoredMetricType, StoredTelemetrySettings } from '#db';
import { DEFAULT_RETENTION_DAYS } from '#web-api';
import { DEFAULT_SERIES_PER_TYPE } from '../ingest/series-limit.ts';

const DAY_MS = 86_400_000;

export interface TypeLimits {
  /** Null = any. */
  readonly allowedLabels: ReadonlySet<string> | null;
  readonly maxSeries: number;
}
export interface OrgTelemetry {
  /** As devices get them. */
  readonly settings: TelemetrySettings;
  /** How long raw rows are kept; older ones are not worth storing. */
  readonly metricsKeptMs: number;
  readonly logsKeptMs: number;
  /** False: metric types that nobody declared are refused. */
  readonly takesUnknownTypes: boolean;
  readonly redactor: Redactor;
  /** Limits of a type; null where it is neither built in, declared nor seen before. */
  limitsOf(metricType: string): TypeLimits | null;
}

const BUILT_IN: TypeLimits = { allowedLabels: null, maxSeries: DEFAULT_SERIES_PER_TYPE };

/** `stored` null: as shipped. @throws RedactionRuleError for a rule that no longer compiles */
export function orgTelemetryOf(
  stored: StoredTelemetrySettings | null,
  types: readonly StoredMetricType[],
  previous?: OrgTelemetry,
): OrgTelemetry {
  const settings = stored?.settings ?? DEFAULT_TELEMETRY;
  const retention = stored?.retentionDays ?? DEFAULT_RETENTION_DAYS;
  const limits = new Map<string, TypeLimits>();
  for (const { name, origin, allowedLabels, maxSeries } of types) {
    const isDeclared = origin === 'declared';
    limits.set(name, {
      allowedLabels: isDeclared && allowedLabels !== null ? new Set(allowedLabels) : null,
      maxSeries: isDeclared ? maxSeries : DEFAULT_SERIES_PER_TYPE,
    });
  }
  const isSameVersion = previous?.settings.version === settings.version;
  return {
    settings,
    metricsKeptMs: retention.metrics * DAY_MS,
    logsKeptMs: retention.logs * DAY_MS,
    takesUnknownTypes: stored?.unknownMetrics !== 'reject',
    redactor: isSameVersion ? previous.redactor : createRedactor(settings.redaction),
    limitsOf: (metricType) =>
      limits.get(metricType) ?? (Object.hasOwn(METRIC_CATALOGUE, metricType) ? BUILT_IN : null),
  };
}
