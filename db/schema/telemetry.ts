/** Tables of migration 0006, for types and queries; the SQL file is what makes them. */
import { bigint, integer, jsonb, pgTable, primaryKey, text, uuid, varchar } from 'drizzle-orm/pg-core';
import type { StoredMetricType, StoredTelemetrySettings } from '../stores/contracts/telemetry-settings.ts';
import { instant } from './instant.ts';

const rollup = (name: string) =>
  pgTable(name, {
    deviceId: uuid('device_id').notNull(),
    organizationId: uuid('organization_id').notNull(),
    bucket: instant('bucket').notNull(),
    metricType: varchar('metric_type').notNull(),
    labels: jsonb().$type<Record<string, string>>().notNull(),
    /** [samples, sum, minimum, maximum] of each field. */
    fields: jsonb().$type<Record<string, [number, number, number, number]>>().notNull(),
  });
/** Hypertables or partitioned tables, as are log lines. */
export const deviceMetrics1m = rollup('device_metrics_1m');
export const deviceMetrics1h = rollup('device_metrics_1h');
export const deviceMetrics1d = rollup('device_metrics_1d');

export const deviceLogs = pgTable('device_logs', {
  id: bigint({ mode: 'bigint' }).notNull().default(0n),
  deviceId: uuid('device_id').notNull(),
  organizationId: uuid('organization_id').notNull(),
  timestamp: instant('timestamp').notNull().defaultNow(),
  receivedAt: instant('received_at').notNull().defaultNow(),
  logLevel: varchar('log_level').notNull(),
  serviceName: varchar('service_name').notNull(),
  message: text().notNull(),
  metadata: jsonb(),
});

export const deviceLogServices = pgTable(
  'device_log_services',
  {
    deviceId: uuid('device_id').notNull(),
    serviceName: varchar('service_name').notNull(),
    lastAt: instant('last_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.deviceId, table.serviceName] })],
);

export const metricHoursDirty = pgTable(
  'metric_hours_dirty',
  {
    deviceId: uuid('device_id').notNull(),
    hour: instant('hour').notNull(),
    touchedAt: instant('touched_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.deviceId, table.hour] })],
);

export const telemetrySettings = pgTable('telemetry_settings', {
  organizationId: uuid('organization_id').primaryKey(),
  version: integer().notNull(),
  settings: jsonb().notNull(),
  retentionDays: jsonb('retention_days').$type<StoredTelemetrySettings['retentionDays']>().notNull(),
  unknownMetrics: varchar('unknown_metrics').$type<StoredTelemetrySettings['unknownMetrics']>().notNull(),
  updatedAt: instant('updated_at').notNull().defaultNow(),
  updatedBy: varchar('updated_by').notNull(),
});

export const metricTypes = pgTable(
  'metric_types',
  {
    organizationId: uuid('organization_id').notNull(),
    name: varchar().notNull(),
    origin: varchar().$type<StoredMetricType['origin']>().notNull(),
    description: varchar(),
    unit: varchar(),
    kind: varchar().$type<StoredMetricType['kind']>().notNull(),
    allowedLabels: text('allowed_labels').array(),
    maxSeries: integer('max_series').notNull(),
    firstSeenAt: instant('first_seen_at'),
  },
  (table) => [primaryKey({ columns: [table.organizationId, table.name] })],
);

export const ingestMinutes = pgTable(
  'ingest_minutes',
  {
    organizationId: uuid('organization_id').notNull(),
    at: instant('at').notNull(),
    messages: bigint({ mode: 'number' }).notNull(),
    points: bigint({ mode: 'number' }).notNull(),
    logLines: bigint('log_lines', { mode: 'number' }).notNull(),
    deadLetters: bigint('dead_letters', { mode: 'number' }).notNull(),
    duplicates: bigint({ mode: 'number' }).notNull(),
    lagMsMax: bigint('lag_ms_max', { mode: 'number' }),
    commitMsMax: bigint('commit_ms_max', { mode: 'number' }),
  },
  (table) => [primaryKey({ columns: [table.organizationId, table.at] })],
);
