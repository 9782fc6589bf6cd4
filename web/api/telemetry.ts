/** Measurements, log lines, live views and their settings over HTTP (SD-E12…E14, U5, U6, U10). */
import { type Static, Type } from 'typebox';
import {
  BATCH_FIELDS,
  LIVE_STREAMS,
  LOG_LEVELS,
  LogMetadata,
  MAX_BATCH_RECORDS,
  MAX_LOG_MESSAGE,
  MetricType,
  TelemetrySettings,
} from '#contract';
import { Dashboard } from './dashboard.ts';
import { DEVICE_TYPES, DeviceParams } from './devices.ts';
import { Nullable, PageOf, PageQuery, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';
import {
  AGGREGATIONS,
  CatalogueEntry,
  COMBINATIONS,
  DEFAULT_SERIES_POINTS,
  DOWNSAMPLINGS,
  MAX_QUERY_DEVICES,
  MAX_SERIES_POINTS,
  RESOLUTIONS,
  SeriesReply,
} from './series.ts';
import {
  MetricTypeBody,
  MetricTypeView,
  RedactionTestBody,
  RedactionTestReply,
  TelemetrySettingsBody,
  TelemetrySettingsView,
} from './telemetry-settings.ts';

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
  searched_until: Nullable(
    Timestamp(
      'The page took its time before it was full: so far was searched, the cursor goes on. Else null.',
    ),
  ),
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
