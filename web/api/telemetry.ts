/** Measurements, log lines, live views and their settings over HTTP (SD-E12…E14, U5, U6, U10). */
import { type Static, Type } from 'typebox';
import {
  BATCH_FIELDS,
  LIVE_STREAMS,
  LOG_LEVELS,
  LogMetadata,
  MAX_BATCH_RECORDS,
  MAX_LOG_MESSAGE,
  METRIC_KINDS,
  MetricLabels,
  MetricType,
  RedactionRule,
  TelemetrySettings,
} from '#contract';
import { DEVICE_STATUSES, DEVICE_TYPES, DeviceParams } from './devices.ts';
import { Nullable, PageOf, PageQuery, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';

/** From fine to coarse; `raw` = as the device sent it. */
export const RESOLUTIONS = ['raw', '1m', '1h', '1d'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];
export const AGGREGATIONS = ['mean', 'min', 'max', 'sum', 'count'] as const;
export type Aggregation = (typeof AGGREGATIONS)[number];
/** How several devices become one series; `none` keeps each by itself. */
export const COMBINATIONS = ['none', 'mean', 'min', 'max', 'sum'] as const;
export type Combination = (typeof COMBINATIONS)[number];
/** `minmax` keeps the lowest and highest of each stretch, `lttb` the shape (largest triangle three buckets). */
export const DOWNSAMPLINGS = ['minmax', 'lttb', 'none'] as const;
export type Downsampling = (typeof DOWNSAMPLINGS)[number];

export const MAX_QUERY_DEVICES = 50;
export const MAX_SERIES_POINTS = 5000;
export const DEFAULT_SERIES_POINTS = 500;

const Range = {
  from: Type.Optional(Timestamp('Inclusive; default one hour before `to`.')),
  to: Type.Optional(Timestamp('Exclusive; default now.')),
};
const LabelFilter = Type.String({
  pattern: '^[a-zA-Z_][a-zA-Z0-9_]{0,39}=[^,]{0,100}(,[a-zA-Z_][a-zA-Z0-9_]{0,39}=[^,]{0,100}){0,7}$',
  description: 'E.g. mount=/var,interface=eth0; a series must have all of them.',
});
const DeviceIds = Type.String({
  pattern: '^[0-9a-fA-F-]{36}(,[0-9a-fA-F-]{36}){0,49}$',
  description: `Up to ${MAX_QUERY_DEVICES} device ids, comma separated.`,
});
/** Which devices a query is about: named ones, or a group of one organisation. */
const DeviceChoice = {
  device_ids: Type.Optional(DeviceIds),
  org_id: Type.Optional(Uuid()),
  type: Type.Optional(Type.Enum([...DEVICE_TYPES])),
  tag: Type.Optional(Type.String({ maxLength: 63 })),
};
const Shape = {
  field: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'Default: every number.' })),
  labels: Type.Optional(LabelFilter),
  aggregation: Type.Optional(Type.Enum([...AGGREGATIONS], { default: 'mean' })),
  resolution: Type.Optional(
    Type.Enum(['auto', ...RESOLUTIONS], { description: 'auto picks by range and number of devices.' }),
  ),
  downsample: Type.Optional(Type.Enum([...DOWNSAMPLINGS], { default: 'minmax' })),
  max_points: Type.Optional(
    Type.Integer({ minimum: 2, maximum: MAX_SERIES_POINTS, default: DEFAULT_SERIES_POINTS }),
  ),
};

export const SeriesView = Type.Object({
  /** Null where several devices were combined. */
  device_id: Nullable(Uuid()),
  device_name: Nullable(Type.String()),
  metric_type: Type.String(),
  field: Type.String(),
  labels: MetricLabels,
  unit: Nullable(Type.String()),
  /** Columns of equal length. A null value stands in a gap: the device sent nothing for longer than it should. */
  t: Type.Array(Type.Integer({ description: 'Milliseconds since 1970; the start of a bucket.' })),
  v: Type.Array(Nullable(Type.Number())),
  min: Type.Array(Nullable(Type.Number())),
  max: Type.Array(Nullable(Type.Number())),
});
export type SeriesView = Static<typeof SeriesView>;

export const SeriesReply = Type.Object({
  from: Timestamp(),
  to: Timestamp(),
  resolution: Type.Enum([...RESOLUTIONS]),
  bucket_seconds: Nullable(Type.Integer({ description: 'Width of a bucket; null = raw samples.' })),
  aggregation: Type.Enum([...AGGREGATIONS]),
  series: Type.Array(SeriesView),
  truncated: Type.Boolean({ description: 'More series or points matched than are given; narrow the query.' }),
});
export type SeriesReply = Static<typeof SeriesReply>;

export const CatalogueEntry = Type.Object({
  metric_type: Type.String(),
  labels: MetricLabels,
  last_at: Timestamp(),
  fields: Type.Array(
    Type.Object({
      name: Type.String(),
      unit: Nullable(Type.String()),
      kind: Nullable(Type.Enum([...METRIC_KINDS])),
    }),
  ),
});
export type CatalogueEntry = Static<typeof CatalogueEntry>;

export const LogView = Type.Object({
  id: Type.String({ description: 'Place in the log; part of a permalink.' }),
  device_id: Uuid(),
  device_name: Type.String(),
  timestamp: Timestamp('Device time, corrected where its clock is off.'),
  received_at: Timestamp(),
  log_level: Type.Enum([...LOG_LEVELS]),
  service_name: Type.String(),
  message: Type.String(),
  metadata: Nullable(LogMetadata),
});
export type LogView = Static<typeof LogView>;

/** Newest first (`older`) or onwards from a place (`newer`); both cursors always lead on, new lines appear under `newer`. */
export const LogPage = Type.Object({
  items: Type.Array(LogView, { description: 'Newest first.' }),
  older_cursor: Nullable(Type.String()),
  newer_cursor: Nullable(Type.String()),
});
export type LogPage = Static<typeof LogPage>;

const LogFilter = {
  level: Type.Optional(
    Type.String({
      pattern: `^(${LOG_LEVELS.join('|')})(,(${LOG_LEVELS.join('|')})){0,4}$`,
      description: 'One or several levels, comma separated.',
    }),
  ),
  service: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: 'Words, all of which must occur; "a phrase"; prefix*; -without.',
    }),
  ),
  from: Type.Optional(Timestamp('Inclusive; default: as far back as lines are kept.')),
  to: Type.Optional(Timestamp('Exclusive; default: the newest.')),
};
const LogPaging = {
  cursor: Type.Optional(Type.String({ maxLength: 2000, description: '`older_cursor` or `newer_cursor`.' })),
  at: Type.Optional(Timestamp('Jump: the page whose newest line is at or before this time.')),
  around: Type.Optional(Type.String({ maxLength: 100, description: 'Permalink: the page around this id.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
};

export const EXPORT_FORMATS = ['csv', 'ndjson'] as const;
const ExportFormat = { format: Type.Optional(Type.Enum([...EXPORT_FORMATS], { default: 'csv' })) };

/** What became of a batch; a bad record costs only itself. */
export const BatchReply = Type.Object({
  accepted: Type.Integer(),
  rejected: Type.Integer(),
  errors: Type.Array(Type.Object({ index: Type.Integer(), reason: Type.String() }), { maxItems: 100 }),
  seq: Nullable(Type.Integer({ description: 'Highest contiguous batch that is committed.' })),
});
export type BatchReply = Static<typeof BatchReply>;

const BatchRecords = Type.Array(Type.Unknown(), {
  minItems: 1,
  maxItems: MAX_BATCH_RECORDS,
  description: 'Records as on the MQTT channel of this name; each is checked by itself.',
});
export const MetricsBody = Type.Object({ ...BATCH_FIELDS, metrics: BatchRecords });
export const LogsBody = Type.Object({ ...BATCH_FIELDS, logs: BatchRecords });
export const EventsBody = Type.Object({ ...BATCH_FIELDS, events: BatchRecords });

export const DeadLetterView = Type.Object({
  id: Type.Integer(),
  received_at: Timestamp(),
  device_id: Nullable(Uuid()),
  device_name: Nullable(Type.String()),
  channel: Nullable(Type.String()),
  topic: Type.String(),
  reason: Type.String(),
  sample: Type.String({ description: 'The beginning, redacted; bytes that are no text as \\xNN.' }),
});
export type DeadLetterView = Static<typeof DeadLetterView>;

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

const TopDevice = Type.Object({
  device_id: Uuid(),
  device_name: Type.String(),
  status: Type.Enum([...DEVICE_STATUSES]),
  value: Type.Number(),
});
/** The fleet at a glance (SD-U10, SD-P4). */
export const Dashboard = Type.Object({
  total: Type.Integer(),
  by_status: Type.Record(Type.String(), Type.Integer()),
  by_type: Type.Record(Type.String(), Type.Integer()),
  top: Type.Object({
    cpu_percent: Type.Array(TopDevice),
    memory_percent: Type.Array(TopDevice),
    disk_percent: Type.Array(TopDevice),
    gpu_percent: Type.Array(TopDevice),
  }),
  outboxes: Type.Object({
    devices_with_backlog: Type.Integer(),
    records: Type.Integer(),
    bytes: Type.Integer(),
    dropped: Type.Integer(),
    worst: Type.Array(TopDevice, { description: 'value = records held.' }),
  }),
  skewed_clocks: Type.Array(TopDevice, { description: 'value = milliseconds ahead of our clock.' }),
  ingest: Type.Object({
    /** One entry per minute of the last hour, oldest first. */
    minutes: Type.Array(
      Type.Object({
        at: Timestamp(),
        messages: Type.Integer(),
        points: Type.Integer(),
        log_lines: Type.Integer(),
        dead_letters: Type.Integer(),
        duplicates: Type.Integer(),
        lag_ms_max: Nullable(Type.Integer({ description: 'Device time to commit, backfill left out.' })),
        commit_ms_max: Nullable(Type.Integer({ description: 'Receipt to commit.' })),
      }),
    ),
    dead_letters_24h: Type.Integer(),
    errors_24h: Type.Integer({ description: 'Log lines of level error and critical.' }),
    rollup_lag_seconds: Nullable(
      Type.Integer({
        description: 'Age of the oldest hour to be summed up; installation wide, admins only.',
      }),
    ),
  }),
});
export type Dashboard = Static<typeof Dashboard>;

const OrgParams = Type.Object({ organization_id: Uuid() });
const read = { auth: 'session', tag: 'telemetry', action: 'telemetry.read', status: 200 } as const;
const logs = { auth: 'session', tag: 'telemetry', action: 'log.read', status: 200 } as const;
const device = { auth: 'device', action: 'device.self', tag: 'device side', status: 200 } as const;

export const TELEMETRY_ROUTES = {
  'metrics.device': {
    ...read,
    method: 'GET',
    path: '/api/v1/admin/edge/devices/:device_id/metrics',
    summary: 'Measurements of one device, aggregated to fit (SD-E12)',
    params: DeviceParams,
    query: Type.Object({ metric_type: Type.Optional(MetricType), ...Range, ...Shape }),
    response: SeriesReply,
  },
  'metrics.catalogue': {
    ...read,
    method: 'GET',
    path: '/api/v1/admin/edge/devices/:device_id/metrics/catalogue',
    summary: 'What one device has measured of late: types, labels, fields, units',
    params: DeviceParams,
    response: Type.Object({ items: Type.Array(CatalogueEntry) }),
  },
  'metrics.query': {
    ...read,
    method: 'GET',
    path: '/api/v1/admin/edge/metrics',
    summary: 'One metric of several devices or of a group',
    query: Type.Object({
      metric_type: MetricType,
      ...DeviceChoice,
      ...Range,
      ...Shape,
      combine: Type.Optional(Type.Enum([...COMBINATIONS], { default: 'none' })),
    }),
    response: SeriesReply,
  },
  'metrics.export': {
    ...read,
    method: 'GET',
    path: '/api/v1/admin/edge/metrics/export',
    summary: 'Measurements as they were sent, streamed as CSV or NDJSON',
    query: Type.Object({
      metric_type: Type.Optional(MetricType),
      ...DeviceChoice,
      ...Range,
      ...ExportFormat,
    }),
    produces: 'text/csv',
  },
  'logs.device': {
    ...logs,
    method: 'GET',
    path: '/api/v1/admin/edge/devices/:device_id/logs',
    summary: 'Log lines of one device (SD-E13)',
    params: DeviceParams,
    query: Type.Object({ ...LogFilter, ...LogPaging }),
    response: LogPage,
  },
  'logs.services': {
    ...logs,
    method: 'GET',
    path: '/api/v1/admin/edge/devices/:device_id/logs/services',
    summary: 'Services that logged in the last seven days',
    params: DeviceParams,
    response: Type.Object({ items: Type.Array(Type.String()) }),
  },
  'logs.search': {
    ...logs,
    method: 'GET',
    path: '/api/v1/admin/edge/logs',
    summary: 'Log lines of several devices or of a group',
    query: Type.Object({ ...DeviceChoice, ...LogFilter, ...LogPaging }),
    response: LogPage,
  },
  'logs.export': {
    ...logs,
    method: 'GET',
    path: '/api/v1/admin/edge/logs/export',
    summary: 'Log lines streamed as CSV or NDJSON, newest first',
    query: Type.Object({ ...DeviceChoice, ...LogFilter, ...ExportFormat }),
    produces: 'text/csv',
  },
  'live.stream': {
    ...logs,
    method: 'GET',
    path: '/api/v1/admin/edge/devices/:device_id/live',
    summary: 'Server-Sent Events: what a device logs and measures now, while the stream is open',
    params: DeviceParams,
    query: Type.Object({
      stream: Type.Enum([...LIVE_STREAMS]),
      min_level: Type.Optional(Type.Enum([...LOG_LEVELS])),
      replay: Type.Optional(Type.Integer({ minimum: 0, maximum: 500, default: 0 })),
    }),
    produces: 'text/event-stream',
  },
  'dashboard.get': {
    ...read,
    method: 'GET',
    path: '/api/v1/admin/edge/dashboard',
    summary: 'The fleet at a glance',
    query: Type.Object({ org_id: Type.Optional(Uuid()) }),
    response: Dashboard,
  },
  'dead_letters.list': {
    ...read,
    action: 'dead_letter.read',
    method: 'GET',
    path: '/api/v1/admin/edge/dead-letters',
    summary: 'What devices sent and could not be stored, newest first',
    query: Type.Object({
      org_id: Type.Optional(Uuid()),
      device_id: Type.Optional(Uuid()),
      reason: Type.Optional(Type.String({ maxLength: 100, description: 'Part of the reason.' })),
      ...PageQuery,
    }),
    response: PageOf(DeadLetterView),
  },
  'telemetry.settings': {
    ...read,
    method: 'GET',
    path: '/api/v1/admin/organizations/:organization_id/telemetry',
    summary: 'Intervals, redaction and retention of an organisation',
    params: OrgParams,
    response: TelemetrySettingsView,
  },
  'telemetry.update': {
    auth: 'session',
    tag: 'telemetry',
    action: 'telemetry.write',
    status: 200,
    method: 'PUT',
    path: '/api/v1/admin/organizations/:organization_id/telemetry',
    summary: 'Replace them; devices follow with their next heartbeat',
    params: OrgParams,
    body: Type.Object({
      ...TelemetrySettingsBody.properties,
      version: Type.Integer({ minimum: 0, description: 'The version that was edited; another answers 409.' }),
    }),
    response: TelemetrySettingsView,
  },
  'redaction.test': {
    ...read,
    action: 'telemetry.read',
    method: 'POST',
    path: '/api/v1/admin/organizations/:organization_id/redaction/test',
    summary: 'What the rules, or the given ones, would hide in a text; nothing is stored',
    params: OrgParams,
    body: RedactionTestBody,
    response: RedactionTestReply,
  },
  'metric_types.list': {
    ...read,
    method: 'GET',
    path: '/api/v1/admin/organizations/:organization_id/metric-types',
    summary: 'Metric types: built in, declared, and seen',
    params: OrgParams,
    response: Type.Object({ items: Type.Array(MetricTypeView) }),
  },
  'metric_types.put': {
    auth: 'session',
    tag: 'telemetry',
    action: 'telemetry.write',
    status: 200,
    method: 'PUT',
    path: '/api/v1/admin/organizations/:organization_id/metric-types/:name',
    summary: 'Declare a metric type, or change it',
    params: Type.Object({ organization_id: Uuid(), name: MetricType }),
    body: MetricTypeBody,
    response: MetricTypeView,
  },
  'metric_types.delete': {
    auth: 'session',
    tag: 'telemetry',
    action: 'telemetry.write',
    status: 204,
    method: 'DELETE',
    path: '/api/v1/admin/organizations/:organization_id/metric-types/:name',
    summary: 'Forget a metric type; what was stored stays',
    params: Type.Object({ organization_id: Uuid(), name: MetricType }),
  },
  'device.metrics': {
    ...device,
    method: 'POST',
    path: '/api/v1/edge/devices/:device_id/metrics',
    summary: 'Measurements (SD-E11)',
    params: DeviceParams,
    body: MetricsBody,
    response: BatchReply,
  },
  'device.logs': {
    ...device,
    method: 'POST',
    path: '/api/v1/edge/devices/:device_id/logs',
    summary: `Log lines (SD-E14); a message of more than ${MAX_LOG_MESSAGE} characters is refused`,
    params: DeviceParams,
    body: LogsBody,
    response: BatchReply,
  },
  'device.events': {
    ...device,
    method: 'POST',
    path: '/api/v1/edge/devices/:device_id/events',
    summary: 'What the agent reports',
    params: DeviceParams,
    body: EventsBody,
    response: BatchReply,
  },
  'device.telemetry': {
    ...device,
    method: 'GET',
    path: '/api/v1/edge/devices/:device_id/telemetry',
    summary: 'Telemetry settings that the device is to follow',
    params: DeviceParams,
    response: TelemetrySettings,
  },
} as const satisfies Record<string, Route>;
