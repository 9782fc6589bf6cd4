/** Tables of migrations 0004 and 0015, for types and queries; the SQL file is what makes them. */
import { boolean, inet, integer, pgTable, primaryKey, text, uuid, varchar } from 'drizzle-orm/pg-core';
import type { Device } from '../stores/contracts/devices.ts';
import type { Certificate } from '../stores/contracts/enrollment.ts';
import type { EnrollmentRequestState } from '../stores/contracts/enrollment-requests.ts';
import { instant } from './instant.ts';

export const registrationTokens = pgTable('registration_tokens', {
  id: uuid().primaryKey().defaultRandom(),
  organizationId: uuid('organization_id').notNull(),
  tokenHash: varchar('token_hash').notNull(),
  prefix: varchar().notNull(),
  name: varchar().notNull(),
  deviceType: varchar('device_type').$type<Device['type']>(),
  tags: text().array().notNull().default([]),
  maxUses: integer('max_uses').notNull(),
  uses: integer().notNull().default(0),
  expiresAt: instant('expires_at').notNull(),
  revokedAt: instant('revoked_at'),
  createdAt: instant('created_at').notNull().defaultNow(),
  createdBy: varchar('created_by'),
  replacesDeviceId: uuid('replaces_device_id'),
  requiresApproval: boolean('requires_approval').notNull().default(false),
  allowedNetworks: text('allowed_networks').array().notNull().default([]),
  hardwareId: varchar('hardware_id'),
  groupIds: uuid('group_ids').array().notNull().default([]),
});

export const registrationTokenUses = pgTable(
  'registration_token_uses',
  {
    tokenId: uuid('token_id').notNull(),
    hardwareId: varchar('hardware_id').notNull(),
    keyThumbprint: varchar('key_thumbprint').notNull(),
    deviceId: uuid('device_id'),
    usedAt: instant('used_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.tokenId, table.hardwareId, table.keyThumbprint] })],
);

export const integrators = pgTable('integrators', {
  id: uuid().primaryKey().defaultRandom(),
  organizationId: uuid('organization_id').notNull(),
  name: varchar().notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
});

export const deviceCertificates = pgTable('device_certificates', {
  serial: varchar().primaryKey(),
  organizationId: uuid('organization_id').notNull(),
  organizationSlug: varchar('organization_slug').notNull(),
  deviceId: uuid('device_id'),
  integratorId: uuid('integrator_id'),
  holderId: uuid('holder_id').notNull(),
  state: varchar().$type<Certificate['state']>().notNull(),
  subject: varchar().notNull(),
  fingerprintSha256: varchar('fingerprint_sha256').notNull(),
  keyThumbprint: varchar('key_thumbprint').notNull(),
  pem: text().notNull(),
  notBefore: instant('not_before').notNull(),
  notAfter: instant('not_after').notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
  revokedAt: instant('revoked_at'),
  revocationReason: varchar('revocation_reason'),
  authorityId: varchar('authority_id'),
});

export const enrollmentRequests = pgTable('enrollment_requests', {
  id: uuid().primaryKey().defaultRandom(),
  organizationId: uuid('organization_id').notNull(),
  tokenId: uuid('token_id').notNull(),
  hardwareId: varchar('hardware_id').notNull(),
  keyThumbprint: varchar('key_thumbprint').notNull(),
  csr: varchar().notNull(),
  name: varchar('device_name').notNull(),
  type: varchar('device_type').$type<Device['type']>().notNull(),
  firmwareVersion: varchar('firmware_version').notNull(),
  ipAddress: inet('ip_address'),
  state: varchar().$type<EnrollmentRequestState>().notNull().default('waiting'),
  requestedAt: instant('requested_at').notNull(),
  lastAskedAt: instant('last_asked_at').notNull(),
  decidedAt: instant('decided_at'),
  decidedBy: varchar('decided_by'),
  reason: varchar(),
  deviceId: uuid('device_id'),
});

export const deviceClaimCodes = pgTable('device_claim_codes', {
  deviceId: uuid('device_id').primaryKey(),
  organizationId: uuid('organization_id').notNull(),
  codeHash: varchar('code_hash').notNull(),
  expiresAt: instant('expires_at').notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
  createdBy: varchar('created_by'),
});
