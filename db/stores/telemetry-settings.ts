/** What an organisation decided about its telemetry, as versions of one row. */
import type { StoredTelemetrySettings, TelemetrySettingsStore } from './contracts/telemetry-settings.ts';
import type { Queries } from './queries.ts';

const COLUMNS = `organization_id AS "orgId", version, settings, retention_days AS "retentionDays",
  unknown_metrics AS "unknownMetrics", updated_at AS "updatedAt", updated_by AS "updatedBy"`;

type Row = StoredTelemetrySettings & { orgId: string; version: number };
const toSettings = ({ orgId: _, version, ...stored }: Row): StoredTelemetrySettings => ({
  ...stored,
  settings: { ...stored.settings, version },
});

export function createTelemetrySettingsStore({ rows }: Queries): TelemetrySettingsStore {
  return {
    async get(orgId) {
      const [row] = await rows<Row>(`SELECT ${COLUMNS} FROM telemetry_settings WHERE organization_id = $1`, [
        orgId,
      ]);
      return row === undefined ? null : toSettings(row);
    },

    async all() {
      const found = await rows<Row>(`SELECT ${COLUMNS} FROM telemetry_settings`);
      return new Map(found.map((row) => [row.orgId, toSettings(row)]));
    },

    async replace(orgId, expectedVersion, { settings, retentionDays, unknownMetrics, updatedBy }) {
      const { version: _, ...kept } = settings;
      const values = [orgId, expectedVersion, kept, retentionDays, unknownMetrics, updatedBy];
      // Two statements, so that version 0 (no row) can be replaced by one of two rivals only.
      const [row] = await rows<Row>(
        expectedVersion === 0
          ? `INSERT INTO telemetry_settings
               (organization_id, version, settings, retention_days, unknown_metrics, updated_by)
             VALUES ($1, $2::int + 1, $3, $4, $5, $6) ON CONFLICT (organization_id) DO NOTHING RETURNING ${COLUMNS}`
          : `UPDATE telemetry_settings SET version = version + 1, settings = $3, retention_days = $4,
               unknown_metrics = $5, updated_by = $6, updated_at = now()
             WHERE organization_id = $1 AND version = $2::int RETURNING ${COLUMNS}`,
        values,
      );
      return row === undefined ? null : toSettings(row);
    },
  };
}
