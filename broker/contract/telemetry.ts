/** What an organisation wants its devices to measure, ship and hide; sent down where a heartbeat names another version. */
import { type Static, Type } from 'typebox';
import { LOG_LEVELS } from './logs.ts';

export const MAX_REDACTION_RULES = 50;
/** Longest pattern of a rule; the engine is linear in pattern × line. */
export const MAX_RULE_PATTERN = 500;

/** RE2 syntax: no look-around, no back references, so that no rule can run away. */
export const RedactionRule = Type.Object({
  name: Type.String({ pattern: '^[a-z][a-z0-9_-]{0,39}$', description: 'Shown as [redacted:name].' }),
  pattern: Type.String({ minLength: 1, maxLength: MAX_RULE_PATTERN, description: 'RE2 syntax.' }),
  ignore_case: Type.Optional(Type.Boolean()),
});
export type RedactionRule = Static<typeof RedactionRule>;

export const RedactionSettings = Type.Object({
  rules: Type.Array(RedactionRule, { maxItems: MAX_REDACTION_RULES }),
  disabled_builtin: Type.Array(Type.String({ maxLength: 40 }), {
    maxItems: 50,
    uniqueItems: true,
    description: 'Names of built-in rules that are switched off, e.g. email.',
  }),
});
export type RedactionSettings = Static<typeof RedactionSettings>;

/** Version 0 is what the product ships with. */
export const TelemetrySettings = Type.Object(
  {
    version: Type.Integer({ minimum: 0 }),
    metrics: Type.Object({
      interval_seconds: Type.Integer({ minimum: 1, maximum: 3600, description: 'Between two samples.' }),
      aggregate_seconds: Type.Integer({
        minimum: 0,
        maximum: 3600,
        description: 'Window sent as mean, minimum and maximum; 0 = every sample is sent.',
      }),
    }),
    logs: Type.Object({ min_level: Type.Enum([...LOG_LEVELS]) }),
    redaction: RedactionSettings,
  },
  {
    title: 'TelemetrySettings',
    examples: [
      {
        version: 1,
        metrics: { interval_seconds: 30, aggregate_seconds: 0 },
        logs: { min_level: 'info' },
        redaction: { rules: [{ name: 'badge', pattern: 'BADGE-[0-9]{6}' }], disabled_builtin: [] },
      },
    ],
  },
);
export type TelemetrySettings = Static<typeof TelemetrySettings>;

export const DEFAULT_TELEMETRY: TelemetrySettings = {
  version: 0,
  metrics: { interval_seconds: 30, aggregate_seconds: 0 },
  logs: { min_level: 'info' },
  redaction: { rules: [], disabled_builtin: [] },
};
