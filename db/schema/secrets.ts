/** The table of secrets of migration 0012, for types and queries; the SQL file is what makes it. */
import { integer, pgTable, uuid, varchar } from 'drizzle-orm/pg-core';
import type { SecretProvider } from '../stores/contracts/secrets.ts';
import { instant } from './instant.ts';

export const secrets = pgTable('secrets', {
  id: uuid().primaryKey().defaultRandom(),
  organizationId: uuid('organization_id').notNull(),
  name: varchar().notNull(),
  provider: varchar().$type<SecretProvider>().notNull(),
  version: integer().notNull(),
  path: varchar(),
  field: varchar(),
  createdAt: instant('created_at').notNull().defaultNow(),
  updatedAt: instant('updated_at').notNull().defaultNow(),
  updatedBy: varchar('updated_by').notNull(),
  lastResolvedAt: instant('last_resolved_at'),
  lastError: varchar('last_error'),
});
