/** What an organisation decides about its telemetry: intervals, retention, redaction, metric types. */
import { type Static, Type } from 'typebox';
import { METRIC_KINDS, RedactionRule, TelemetrySettings } from '#contract';
import { Nullable, Timestamp } from './page.ts';

const { version: _version, ...settingsFields } = TelemetrySettings.properties;
export const RETENTION_CLASSES = ['metrics', 'metrics_1m', 'metrics_1h', 'metrics_1d', 'logs'] as const;
export type RetentionClass = (typeof RETENTION_CLASSES)[number];
export const MAX_RETENTION_DAYS: Readonly<Record<RetentionClass, number>> = {
  metrics: 90,
  metrics_1m: 90,
  metrics_1h: 400,
  metrics_1d: 1830,
  logs: 90,
};
export const DEFAULT_RETENTION_DAYS: Readonly<Record<RetentionClass, number>> = {
  metrics: 90,
  metrics_1m: 30,
  metrics_1h: 400,
  metrics_1d: 1830,
  logs: 30,
};
const Retention = Type.Object(
  Object.fromEntries(
    RETENTION_CLASSES.map((name) => [
      name,
      Type.Integer({ minimum: 1, maximum: MAX_RETENTION_DAYS[name], description: 'Days.' }),
    ]),
  ) as Record<RetentionClass, ReturnType<typeof Type.Integer>>,
  { description: 'Days for which each class is kept.' },
);
export const UNKNOWN_METRICS = ['declare', 'reject'] as const;

export const TelemetrySettingsBody = Type.Object({
  ...settingsFields,
  retention_days: Retention,
  unknown_metrics: Type.Enum([...UNKNOWN_METRICS], {
    description: 'declare: a new metric type is taken up by itself; reject: it goes to the dead letters.',
  }),
});
export type TelemetrySettingsBody = Static<typeof TelemetrySettingsBody>;
export const TelemetrySettingsView = Type.Object({
  ...TelemetrySettingsBody.properties,
  version: Type.Integer({ minimum: 0 }),
  updated_at: Nullable(Timestamp()),
  updated_by: Nullable(Type.String()),
  builtin_redaction: Type.Array(Type.Object({ name: Type.String(), doc: Type.String() })),
});
export type TelemetrySettingsView = Static<typeof TelemetrySettingsView>;

export const RedactionTestBody = Type.Object({
  text: Type.String({ minLength: 1, maxLength: 100_000 }),
  rules: Type.Optional(Type.Array(RedactionRule, { maxItems: 50 })),
  disabled_builtin: Type.Optional(Type.Array(Type.String({ maxLength: 40 }), { maxItems: 50 })),
});
export const RedactionTestReply = Type.Object({
  text: Type.String({ description: 'As it would be stored.' }),
  hits: Type.Array(
    Type.Object({
      rule: Type.String(),
      start: Type.Integer({ description: 'In UTF-16 units of the given text.' }),
      end: Type.Integer(),
    }),
  ),
  micros: Type.Integer({ description: 'Time that it took, in µs.' }),
});
export type RedactionTestReply = Static<typeof RedactionTestReply>;

export const MetricTypeBody = Type.Object({
  description: Type.Optional(Type.String({ maxLength: 500 })),
  unit: Type.Optional(Nullable(Type.String({ maxLength: 20 }))),
  kind: Type.Optional(Type.Enum([...METRIC_KINDS])),
  allowed_labels: Type.Optional(
    Type.Array(Type.String({ pattern: '^[a-zA-Z_][a-zA-Z0-9_]{0,39}$' }), { maxItems: 8, uniqueItems: true }),
  ),
  max_series: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Label combinations per device.' }),
  ),
});
export const MetricTypeView = Type.Object({
  name: Type.String(),
  origin: Type.Enum(['builtin', 'declared', 'seen'], {
    description: 'seen: taken up by itself when a device first sent it.',
  }),
  description: Nullable(Type.String()),
  unit: Nullable(Type.String()),
  kind: Type.Enum([...METRIC_KINDS]),
  allowed_labels: Nullable(Type.Array(Type.String(), { description: 'Null = any.' })),
  max_series: Type.Integer(),
  first_seen_at: Nullable(Timestamp()),
});
export type MetricTypeView = Static<typeof MetricTypeView>;
