/** Tables of migration 0010, for types and queries; the SQL file is what makes them. */
import { bigint, inet, pgTable, primaryKey, text, uuid, varchar } from 'drizzle-orm/pg-core';
import { instant } from './instant.ts';

export const secondFactors = pgTable('second_factors', {
  userId: uuid('user_id').primaryKey(),
  sealedSecret: text('sealed_secret').notNull(),
  confirmedAt: instant('confirmed_at'),
  lastStep: bigint('last_step', { mode: 'number' }).notNull().default(0),
  createdAt: instant('created_at').notNull(),
});

export const recoveryCodes = pgTable(
  'recovery_codes',
  {
    userId: uuid('user_id').notNull(),
    codeHash: varchar('code_hash').notNull(),
    usedAt: instant('used_at'),
  },
  (table) => [primaryKey({ columns: [table.userId, table.codeHash] })],
);

export const serviceAccounts = pgTable('service_accounts', {
  userId: uuid('user_id').primaryKey(),
  organizationId: uuid('organization_id').notNull(),
  name: varchar().notNull(),
  createdBy: varchar('created_by'),
  createdAt: instant('created_at').notNull().defaultNow(),
});

export const apiKeys = pgTable('api_keys', {
  id: uuid().primaryKey().defaultRandom(),
  prefix: varchar().notNull(),
  secretHash: varchar('secret_hash').notNull(),
  userId: uuid('user_id').notNull(),
  organizationId: uuid('organization_id'),
  name: varchar().notNull(),
  scopes: text().array().notNull(),
  createdBy: varchar('created_by'),
  createdAt: instant('created_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
  revokedAt: instant('revoked_at'),
  lastUsedAt: instant('last_used_at'),
  lastUsedIp: inet('last_used_ip'),
});
