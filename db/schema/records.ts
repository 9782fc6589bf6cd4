/** Tables of the audit log and of refusals, for types and queries; the SQL files 0005 and 0013 are what makes them. */
import { bigint, customType, inet, integer, jsonb, pgTable, uuid, varchar } from 'drizzle-orm/pg-core';
import type { AuditActorKind, AuditOutcome } from '../stores/contracts/records.ts';
import { instant } from './instant.ts';

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

/** A trigger fills in what follows from the texts, the time, and the place in the chain. */
export const auditLog = pgTable('audit_log', {
  id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  at: instant('at').notNull().defaultNow(),
  organizationId: uuid('organization_id'),
  actor: varchar().notNull(),
  actorKind: varchar('actor_kind').$type<AuditActorKind>().notNull(),
  actorId: varchar('actor_id'),
  ipAddress: inet('ip_address'),
  userAgent: varchar('user_agent'),
  requestId: varchar('request_id'),
  attemptId: uuid('attempt_id'),
  action: varchar().notNull(),
  object: varchar().notNull(),
  objectKind: varchar('object_kind').notNull(),
  objectId: varchar('object_id'),
  outcome: varchar().$type<AuditOutcome>().notNull(),
  errorCode: varchar('error_code'),
  repeats: integer().notNull().default(1),
  detail: jsonb(),
  before: jsonb(),
  after: jsonb(),
  chainPosition: bigint('chain_position', { mode: 'number' }).notNull(),
  previousHash: bytea('previous_hash').notNull(),
  hash: bytea().notNull(),
});

export const auditChains = pgTable('audit_chains', {
  chain: uuid().primaryKey(),
  position: bigint({ mode: 'number' }).notNull(),
  hash: bytea().notNull(),
});

export const auditCheckpoints = pgTable('audit_checkpoints', {
  id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  organizationId: uuid('organization_id'),
  at: instant('at').notNull(),
  position: bigint({ mode: 'number' }).notNull(),
  hash: bytea().notNull(),
  keyId: varchar('key_id').notNull(),
  signature: bytea().notNull(),
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
