/** The table of migration 0014, for types and queries; the SQL file is what makes it. */
import { boolean, pgTable, varchar } from 'drizzle-orm/pg-core';
import type { InstallationAuthority } from '../stores/contracts/authorities.ts';
import { instant } from './instant.ts';

export const installationAuthorities = pgTable('installation_authorities', {
  id: varchar().primaryKey(),
  state: varchar().$type<InstallationAuthority['state']>().notNull(),
  subject: varchar().notNull(),
  fingerprintSha256: varchar('fingerprint_sha256').notNull(),
  rootFingerprintSha256: varchar('root_fingerprint_sha256').notNull(),
  notBefore: instant('not_before').notNull(),
  notAfter: instant('not_after').notNull(),
  rootNotAfter: instant('root_not_after').notNull(),
  serves: boolean().notNull().default(false),
  activateAt: instant('activate_at').notNull(),
  serveAt: instant('serve_at').notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
  createdBy: varchar('created_by'),
  activatedAt: instant('activated_at'),
  servedAt: instant('served_at'),
  retiredAt: instant('retired_at'),
});
