/** Tables of device groups (migration 0009), for types and queries; the SQL file is what makes them. */
import { pgTable, primaryKey, text, uuid, varchar } from 'drizzle-orm/pg-core';
import { instant } from './instant.ts';

export const deviceGroups = pgTable('device_groups', {
  id: uuid().primaryKey().defaultRandom(),
  organizationId: uuid('organization_id').notNull(),
  name: varchar().notNull(),
  description: text(),
  createdAt: instant('created_at').notNull().defaultNow(),
});

export const deviceGroupMembers = pgTable(
  'device_group_members',
  {
    groupId: uuid('group_id').notNull(),
    deviceId: uuid('device_id').notNull(),
    organizationId: uuid('organization_id').notNull(),
    addedAt: instant('added_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.groupId, table.deviceId] })],
);

export const membershipGroups = pgTable(
  'membership_groups',
  {
    organizationId: uuid('organization_id').notNull(),
    userId: uuid('user_id').notNull(),
    groupId: uuid('group_id').notNull(),
  },
  (table) => [primaryKey({ columns: [table.organizationId, table.userId, table.groupId] })],
);
