/** Store of everything that an organisation owns, for its export. */

/** In the order in which they are written. Columns that hold secrets, hashes of them or keys are in none of them. */
export const EXPORT_KINDS = [
  'organization',
  'security_settings',
  'telemetry_settings',
  'metric_type',
  'member',
  'member_group',
  'group',
  'group_device',
  'device',
  'device_configuration',
  'deleted_device',
  'registration_token',
  'registration_token_use',
  'integrator',
  'certificate',
  'enrollment_request',
  'secret',
  'service_account',
] as const;
export type ExportKind = (typeof EXPORT_KINDS)[number];

export interface OrganizationExportStore {
  /**
   * Rows of one kind in the order of their keys, after the key `after` (null: from the first). Fields have the names of
   * the database, times are ISO text.
   */
  page(
    orgId: string,
    kind: ExportKind,
    after: string | null,
    limit: number,
  ): Promise<readonly { key: string; fields: Readonly<Record<string, unknown>> }[]>;
}
