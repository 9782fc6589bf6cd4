/** Everything that an organisation owns, table by table. Columns are named: a new one is no part of it by itself. */
import type { ExportKind, OrganizationExportStore } from './contracts/organization-export.ts';
import type { Queries } from './queries.ts';

interface ExportTable {
  readonly from: string;
  /** Text, unique within the organisation. */
  readonly key: string;
  readonly organization: string;
  readonly columns: string;
}

export const EXPORT_TABLES: Readonly<Record<ExportKind, ExportTable>> = {
  organization: {
    from: 'organizations t',
    key: 't.id::text',
    organization: 't.id',
    columns: 't.id, t.slug, t.name, t.created_at, t.suspended_at, t.suspension_reason, t.delete_after',
  },
  security_settings: {
    from: 'organization_security t',
    key: 't.organization_id::text',
    organization: 't.organization_id',
    columns: `t.version, t.require_totp, t.session_idle_minutes, t.allowed_networks::text[], t.enrollment_approval,
      t.max_api_key_days, t.updated_at, t.updated_by`,
  },
  telemetry_settings: {
    from: 'telemetry_settings t',
    key: 't.organization_id::text',
    organization: 't.organization_id',
    columns: 't.version, t.settings, t.retention_days, t.unknown_metrics, t.updated_at, t.updated_by',
  },
  metric_type: {
    from: 'metric_types t',
    key: 't.name::text',
    organization: 't.organization_id',
    columns:
      't.name, t.origin, t.description, t.unit, t.kind, t.allowed_labels, t.max_series, t.first_seen_at',
  },
  member: {
    from: 'memberships t JOIN users u ON u.id = t.user_id',
    key: 't.user_id::text',
    organization: 't.organization_id',
    columns: 't.user_id, u.email, u.name, t.role, t.is_limited, t.created_at',
  },
  member_group: {
    from: 'membership_groups t',
    key: `t.user_id::text || '/' || t.group_id`,
    organization: 't.organization_id',
    columns: 't.user_id, t.group_id',
  },
  group: {
    from: 'device_groups t',
    key: 't.id::text',
    organization: 't.organization_id',
    columns: 't.id, t.name, t.description, t.created_at',
  },
  group_device: {
    from: 'device_group_members t',
    key: `t.group_id::text || '/' || t.device_id`,
    organization: 't.organization_id',
    columns: 't.group_id, t.device_id, t.added_at',
  },
  device: {
    from: 'edge_devices t LEFT JOIN device_presence p ON p.device_id = t.id',
    key: 't.id::text',
    organization: 't.organization_id',
    columns: `t.id, t.device_name, t.device_type, t.device_id AS hardware_id, t.intent, t.observation, t.status,
      t.ip_address, t.last_seen, t.firmware_version, t.agent_version, t.tags, t.metadata, p.facts, t.created_at,
      t.updated_at`,
  },
  device_configuration: {
    from: 'device_configurations t JOIN edge_devices d ON d.id = t.device_id',
    key: 't.id::text',
    organization: 'd.organization_id',
    columns: `t.device_id, t.config_version, t.sha256, t.reason, t.apply_state, t.apply_detail, t.applied_at,
      t.created_at, t.is_active`,
  },
  deleted_device: {
    from: 'deleted_devices t',
    key: 't.id::text',
    organization: 't.organization_id',
    columns: 't.id, t.device_name, t.device_id AS hardware_id, t.created_at, t.last_seen, t.deleted_at',
  },
  registration_token: {
    from: 'registration_tokens t',
    key: 't.id::text',
    organization: 't.organization_id',
    columns: `t.id, t.prefix, t.name, t.device_type, t.tags, t.max_uses, t.uses, t.expires_at, t.revoked_at,
      t.created_at, t.created_by, t.replaces_device_id`,
  },
  registration_token_use: {
    from: 'registration_token_uses t JOIN registration_tokens r ON r.id = t.token_id',
    key: `t.token_id::text || '/' || t.hardware_id || '/' || t.key_thumbprint`,
    organization: 'r.organization_id',
    columns: 't.token_id, t.hardware_id, t.device_id, t.used_at',
  },
  integrator: {
    from: 'integrators t',
    key: 't.id::text',
    organization: 't.organization_id',
    columns: 't.id, t.name, t.created_at',
  },
  certificate: {
    from: 'device_certificates t',
    key: 't.serial::text',
    organization: 't.organization_id',
    columns: `t.serial, t.holder_id, t.state, t.subject, t.fingerprint_sha256, t.not_before, t.not_after, t.created_at,
      t.revoked_at, t.revocation_reason`,
  },
  enrollment_request: {
    from: 'enrollment_requests t',
    key: 't.id::text',
    organization: 't.organization_id',
    columns: `t.id, t.token_id, t.hardware_id, t.device_name, t.device_type, t.firmware_version, t.ip_address, t.state,
      t.requested_at, t.last_asked_at, t.decided_at, t.decided_by, t.reason, t.device_id`,
  },
  secret: {
    from: 'secrets t',
    key: 't.id::text',
    organization: 't.organization_id',
    columns: 't.id, t.name, t.provider, t.version, t.path, t.field, t.created_at, t.updated_at, t.updated_by',
  },
  service_account: {
    from: 'service_accounts t',
    key: 't.user_id::text',
    organization: 't.organization_id',
    columns: 't.user_id, t.name, t.created_by, t.created_at',
  },
};

export function createOrganizationExportStore({ rows }: Queries): OrganizationExportStore {
  return {
    page(orgId, kind, after, limit) {
      const { from, key, organization, columns } = EXPORT_TABLES[kind];
      return rows(
        `SELECT key, to_jsonb(fields) AS fields FROM (
           SELECT ${key} AS key, (SELECT f FROM (SELECT ${columns}) AS f) AS fields
           FROM ${from} WHERE ${organization} = $1 AND ($2::text IS NULL OR ${key} > $2)
           ORDER BY 1 LIMIT $3) AS page ORDER BY key`,
        [orgId, after, limit],
      );
    },
  };
}
