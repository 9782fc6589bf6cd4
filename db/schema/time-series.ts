/** Tables of migration 0003 with the later columns, for types and queries; the SQL file is what makes them. */
import { bigint, customType, jsonb, pgTable, primaryKey, uuid, varchar } from 'drizzle-orm/pg-core';
import type { Observation } from '../stores/contracts/devices.ts';
import { instant } from './instant.ts';

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

/** A hypertable or a table partitioned by month; no primary key, see the migration. */
export const deviceMetrics = pgTable('device_metrics', {
  deviceId: uuid('device_id').notNull(),
  organizationId: uuid('organization_id').notNull(),
  timestamp: instant('timestamp').notNull().defaultNow(),
  receivedAt: instant('received_at').notNull().defaultNow(),
  metricType: varchar('metric_type').notNull(),
  metricValue: jsonb('metric_value').$type<Record<string, unknown>>().notNull(),
  metadata: jsonb(),
  labels: jsonb().$type<Record<string, string>>(),
});

/** A hypertable or a table partitioned by month. */
export const presenceEvents = pgTable('presence_events', {
  id: bigint({ mode: 'number' }).notNull().default(0),
  deviceId: uuid('device_id').notNull(),
  organizationId: uuid('organization_id').notNull(),
  at: instant('at').notNull(),
  from: varchar('from_observation').$type<Observation>(),
  to: varchar('to_observation').$type<Observation>().notNull(),
  reason: varchar().notNull(),
  sessionEpoch: bigint('session_epoch', { mode: 'number' }),
});

export const ingestCursors = pgTable(
  'ingest_cursors',
  {
    deviceId: uuid('device_id').notNull(),
    stream: varchar().notNull(),
    bootId: varchar('boot_id').notNull(),
    seq: bigint({ mode: 'number' }).notNull().default(0),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.deviceId, table.stream, table.bootId] })],
);

export const deadLetters = pgTable('dead_letters', {
  id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  receivedAt: instant('received_at').notNull(),
  orgSlug: varchar('org_slug'),
  device: varchar(),
  channel: varchar(),
  topic: varchar().notNull(),
  reason: varchar().notNull(),
  sample: bytea().notNull(),
});
