/** Tables of migration 0002, for types and queries; the SQL file is what makes them. */
import { sql } from 'drizzle-orm';
import { bigint, boolean, inet, integer, jsonb, pgTable, text, uuid, varchar } from 'drizzle-orm/pg-core';
import type { Device, DeviceStatus, Intent, Observation } from '../stores/contracts/devices.ts';
import { instant } from './instant.ts';

export const edgeDevices = pgTable('edge_devices', {
  id: uuid().primaryKey().defaultRandom(),
  organizationId: uuid('organization_id').notNull(),
  name: varchar('device_name').notNull(),
  type: varchar('device_type').$type<Device['type']>().notNull(),
  /** The column's name is the source document's. */
  hardwareId: varchar('device_id').notNull(),
  intent: varchar().$type<Intent>().notNull().default('active'),
  observation: varchar().$type<Observation>().notNull().default('never_seen'),
  status: varchar()
    .$type<DeviceStatus>()
    .notNull()
    .generatedAlwaysAs(sql`CASE WHEN intent = 'active' THEN observation ELSE intent END`),
  ipAddress: inet('ip_address'),
  lastSeen: instant('last_seen'),
  firmwareVersion: varchar('firmware_version'),
  agentVersion: varchar('agent_version'),
  tags: text().array().notNull().default([]),
  metadata: jsonb().$type<Record<string, unknown>>().notNull().default({}),
  claimedFromOrgId: uuid('claimed_from_organization_id'),
  createdAt: instant('created_at').notNull().defaultNow(),
  updatedAt: instant('updated_at').notNull().defaultNow(),
});

export const deletedDevices = pgTable('deleted_devices', {
  id: uuid().primaryKey(),
  organizationId: uuid('organization_id').notNull(),
  name: varchar('device_name').notNull(),
  hardwareId: varchar('device_id').notNull(),
  createdAt: instant('created_at').notNull(),
  lastSeen: instant('last_seen'),
  deletedAt: instant('deleted_at').notNull().defaultNow(),
});

export const devicePresence = pgTable('device_presence', {
  deviceId: uuid('device_id').primaryKey(),
  observation: varchar().$type<Observation>().notNull().default('never_seen'),
  since: instant('since'),
  sessionEpoch: bigint('session_epoch', { mode: 'number' }).notNull().default(0),
  connected: boolean().notNull().default(false),
  lastHeartbeatAt: instant('last_heartbeat_at'),
  goodbyeReason: varchar('goodbye_reason'),
  heartbeat: jsonb(),
  facts: jsonb().notNull().default({}),
  clockSkewMs: bigint('clock_skew_ms', { mode: 'number' }),
});

export const deviceConfigurations = pgTable('device_configurations', {
  id: uuid().primaryKey().defaultRandom(),
  deviceId: uuid('device_id').notNull(),
  configVersion: integer('config_version').notNull(),
  configData: jsonb('config_data').notNull(),
  sha256: varchar(),
  reason: varchar(),
  applyState: varchar('apply_state').notNull().default('pending'),
  applyDetail: varchar('apply_detail'),
  appliedAt: instant('applied_at'),
  createdAt: instant('created_at').notNull().defaultNow(),
  createdBy: uuid('created_by'),
  isActive: boolean('is_active').notNull().default(true),
});
