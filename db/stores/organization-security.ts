/** What an organisation asks of its people and devices, as versions of one row. */
import {
  DEFAULT_ORGANIZATION_SECURITY,
  type OrganizationSecurity,
  type OrganizationSecurityStore,
} from './contracts/organization-security.ts';
import type { Queries } from './queries.ts';

const COLUMNS = `version, require_totp AS "requireTotp", session_idle_minutes AS "sessionIdleMinutes",
  allowed_networks::text[] AS "allowedNetworks", enrollment_approval AS "enrollmentApproval",
  max_api_key_days AS "maxApiKeyDays", updated_at AS "updatedAt", updated_by AS "updatedBy"`;

export function createOrganizationSecurityStore({ rows }: Queries): OrganizationSecurityStore {
  return {
    async get(orgId) {
      const [row] = await rows<OrganizationSecurity>(
        `SELECT ${COLUMNS} FROM organization_security WHERE organization_id = $1`,
        [orgId],
      );
      return row ?? DEFAULT_ORGANIZATION_SECURITY;
    },

    async replace(orgId, expectedVersion, next) {
      const values = [
        ...[orgId, expectedVersion, next.requireTotp, next.sessionIdleMinutes, [...next.allowedNetworks]],
        ...[next.enrollmentApproval, next.maxApiKeyDays, next.updatedBy],
      ];
      // Two statements, so that version 0 (no row) can be replaced by one of two rivals only.
      const [row] = await rows<OrganizationSecurity>(
        expectedVersion === 0
          ? `INSERT INTO organization_security
               (organization_id, version, require_totp, session_idle_minutes, allowed_networks,
                enrollment_approval, max_api_key_days, updated_by)
             VALUES ($1, $2::int + 1, $3, $4, $5::cidr[], $6, $7, $8)
             ON CONFLICT (organization_id) DO NOTHING RETURNING ${COLUMNS}`
          : `UPDATE organization_security SET version = version + 1, require_totp = $3, session_idle_minutes = $4,
               allowed_networks = $5::cidr[], enrollment_approval = $6, max_api_key_days = $7, updated_by = $8,
               updated_at = now()
             WHERE organization_id = $1 AND version = $2::int RETURNING ${COLUMNS}`,
        values,
      );
      return row ?? null;
    },
  };
}
