/** Tables of migration 0005, for types and queries; the SQL file is what makes them. */
import { bigint, inet, integer, jsonb, pgTable, uuid, varchar } from 'drizzle-orm/pg-core';
import type { AuditEntry } from '../stores/contracts/records.ts';
import { instant } from './instant.ts';

export const auditLog = pgTable('audit_log', {
  id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  at: instant('at').notNull().defaultNow(),
  organizationId: uuid('organization_id'),
  actor: varchar().notNull(),
  ipAddress: inet('ip_address'),
  action: varchar().notNull(),
  object: varchar().notNull(),
  outcome: varchar().$type<AuditEntry['outcome']>().notNull(),
  detail: jsonb(),
});

export const brokerRefusals = pgTable('broker_refusals', {
  id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  at: instant('at').notNull(),
  organizationId: uuid('organization_id'),
  deviceId: uuid('device_id'),
  reason: varchar().notNull(),
  detail: varchar().notNull(),
  count: integer().notNull(),
});
