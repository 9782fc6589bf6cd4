/** The telemetry settings while they are edited, read from the form. Pure. */
import { LOG_LEVELS, type RedactionRule } from '#contract';
import {
  MAX_RETENTION_DAYS,
  RETENTION_CLASSES,
  type RetentionClass,
  type TelemetrySettingsBody,
  type TelemetrySettingsView,
  UNKNOWN_METRICS,
} from '#web-api';

export const RETENTION_LABELS: Readonly<Record<RetentionClass, string>> = {
  metrics: 'Measurements as sent',
  metrics_1m: 'Sums by minute',
  metrics_1h: 'Sums by hour',
  metrics_1d: 'Sums by day',
  logs: 'Log lines',
};

export interface TelemetryDraft {
  readonly intervalSeconds: number;
  readonly aggregateSeconds: number;
  readonly minLevel: (typeof LOG_LEVELS)[number];
  readonly retentionDays: Readonly<Record<RetentionClass, number>>;
  readonly unknownMetrics: (typeof UNKNOWN_METRICS)[number];
  readonly rules: readonly RedactionRule[];
  readonly disabledBuiltin: readonly string[];
}

export const draftOf = (view: TelemetrySettingsView): TelemetryDraft => ({
  intervalSeconds: view.metrics.interval_seconds,
  aggregateSeconds: view.metrics.aggregate_seconds,
  minLevel: view.logs.min_level,
  retentionDays: view.retention_days as Readonly<Record<RetentionClass, number>>,
  unknownMetrics: view.unknown_metrics,
  rules: view.redaction.rules,
  disabledBuiltin: view.redaction.disabled_builtin,
});

export const bodyOf = (draft: TelemetryDraft): TelemetrySettingsBody => ({
  metrics: { interval_seconds: draft.intervalSeconds, aggregate_seconds: draft.aggregateSeconds },
  logs: { min_level: draft.minLevel },
  redaction: { rules: [...draft.rules], disabled_builtin: [...draft.disabledBuiltin] },
  retention_days: { ...draft.retentionDays },
  unknown_metrics: draft.unknownMetrics,
});

/** Fields of the form over a draft; what is not a number stays as it was. */
export function readDraft(form: FormData, before: TelemetryDraft): TelemetryDraft {
  const text = (name: string): string => String(form.get(name) ?? '');
  const whole = (name: string, kept: number): number => {
    const value = Number(text(name));
    return text(name) !== '' && Number.isInteger(value) ? value : kept;
  };
  const retentionDays = Object.fromEntries(
    RETENTION_CLASSES.map((name) => [name, whole(`retention_days.${name}`, before.retentionDays[name])]),
  ) as Record<RetentionClass, number>;
  return {
    ...before,
    intervalSeconds: whole('metrics.interval_seconds', before.intervalSeconds),
    aggregateSeconds: whole('metrics.aggregate_seconds', before.aggregateSeconds),
    minLevel: LOG_LEVELS.find((level) => level === text('logs.min_level')) ?? before.minLevel,
    unknownMetrics:
      UNKNOWN_METRICS.find((known) => known === text('unknown_metrics')) ?? before.unknownMetrics,
    retentionDays,
  };
}

export const retentionHint = (name: RetentionClass): string => `Days, at most ${MAX_RETENTION_DAYS[name]}`;

export interface HitPart {
  readonly text: string;
  /** Names of the rules that would hide it; empty = stays. */
  readonly rules: readonly string[];
}

/** The tried text cut where hits begin and end; hits may overlap. */
export function hitParts(
  text: string,
  hits: readonly { readonly rule: string; readonly start: number; readonly end: number }[],
): readonly HitPart[] {
  const edges = [...new Set([0, text.length, ...hits.flatMap(({ start, end }) => [start, end])])]
    .filter((edge) => edge >= 0 && edge <= text.length)
    .sort((a, b) => a - b);
  return edges.slice(0, -1).map((from, index) => {
    const to = edges[index + 1] ?? text.length;
    const rules = hits.filter(({ start, end }) => start <= from && end >= to).map(({ rule }) => rule);
    return { text: text.slice(from, to), rules: [...new Set(rules)] };
  });
}
