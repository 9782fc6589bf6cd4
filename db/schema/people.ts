/** Tables of migration 0001, for types and queries; the SQL file is what makes them. */
import { boolean, inet, pgTable, primaryKey, text, uuid, varchar } from 'drizzle-orm/pg-core';
import { instant } from './instant.ts';

export const organizations = pgTable('organizations', {
  id: uuid().primaryKey().defaultRandom(),
  slug: varchar().notNull(),
  name: varchar().notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
  suspendedAt: instant('suspended_at'),
  suspensionReason: varchar('suspension_reason'),
  deleteAfter: instant('delete_after'),
});

export const users = pgTable('users', {
  id: uuid().primaryKey().defaultRandom(),
  email: varchar().notNull(),
  name: varchar().notNull(),
  passwordHash: text('password_hash').notNull(),
  isSystemAdmin: boolean('is_system_admin').notNull().default(false),
  mustChangePassword: boolean('must_change_password').notNull().default(false),
  disabled: boolean().notNull().default(false),
  kind: varchar({ enum: ['person', 'service'] })
    .notNull()
    .default('person'),
  issuer: varchar(),
  subject: varchar(),
  adminByProvider: boolean('admin_by_provider').notNull().default(false),
  lastLoginAt: instant('last_login_at'),
  createdAt: instant('created_at').notNull().defaultNow(),
});

export const memberships = pgTable(
  'memberships',
  {
    organizationId: uuid('organization_id').notNull(),
    userId: uuid('user_id').notNull(),
    role: varchar({ enum: ['org_admin', 'operator', 'release_manager', 'auditor', 'org_member'] }).notNull(),
    isLimited: boolean('is_limited').notNull().default(false),
    source: varchar({ enum: ['local', 'provider'] })
      .notNull()
      .default('local'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.organizationId, table.userId] })],
);

export const sessions = pgTable('sessions', {
  tokenHash: varchar('token_hash').primaryKey(),
  userId: uuid('user_id').notNull(),
  csrfToken: varchar('csrf_token').notNull(),
  ipAddress: inet('ip_address'),
  userAgent: varchar('user_agent'),
  createdAt: instant('created_at').notNull(),
  lastUsedAt: instant('last_used_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
  id: uuid().notNull().defaultRandom(),
});
