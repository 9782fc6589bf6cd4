/** Metric types of an organisation: declared by people, or taken up when a device first sent one. */
import type { MetricTypeStore, StoredMetricType } from './contracts/telemetry-settings.ts';
import type { Queries } from './queries.ts';
import { StoreError } from './store-error.ts';

/** Types of one organisation: more are a mistake, such as an id in the name. */
export const MAX_METRIC_TYPES = 500;
/** Label combinations of a type that nobody declared, per device. */
const SEEN_MAX_SERIES = 100;

const COLUMNS = `name, origin, description, unit, kind, allowed_labels AS "allowedLabels", max_series AS "maxSeries",
  first_seen_at AS "firstSeenAt"`;

export function createMetricTypeStore({ rows, count, inTransaction }: Queries): MetricTypeStore {
  return {
    list: (orgId) =>
      rows<StoredMetricType>(`SELECT ${COLUMNS} FROM metric_types WHERE organization_id = $1 ORDER BY name`, [
        orgId,
      ]),

    async all() {
      const found = await rows<StoredMetricType & { orgId: string }>(
        `SELECT organization_id AS "orgId", ${COLUMNS} FROM metric_types ORDER BY organization_id, name`,
      );
      const byOrg = new Map<string, StoredMetricType[]>();
      for (const { orgId, ...type } of found) {
        const types = byOrg.get(orgId);
        if (types === undefined) byOrg.set(orgId, [type]);
        else types.push(type);
      }
      return byOrg;
    },

    put: (orgId, { name, description, unit, kind, allowedLabels, maxSeries }) =>
      inTransaction(async (open) => {
        const free = await lockAndCountFree(open, orgId, name);
        if (free < 1) {
          throw new StoreError('conflict', `an organisation has at most ${MAX_METRIC_TYPES} metric types`, {
            field: 'name',
          });
        }
        const [type] = await open.rows<StoredMetricType>(
          `INSERT INTO metric_types
             (organization_id, name, origin, description, unit, kind, allowed_labels, max_series)
           VALUES ($1, $2, 'declared', $3, $4, $5, $6, $7)
           ON CONFLICT (organization_id, name) DO UPDATE SET origin = 'declared', description = $3, unit = $4,
             kind = $5, allowed_labels = $6, max_series = $7
           RETURNING ${COLUMNS}`,
          [orgId, name, description, unit, kind, allowedLabels, maxSeries],
        );
        if (type === undefined) throw new Error('the metric type was not returned');
        return type;
      }),

    noteSeen: (orgId, names, at) =>
      inTransaction(async (open) => {
        const wanted = [...new Set(names)].sort();
        if (wanted.length === 0) return [];
        const free = await lockAndCountFree(open, orgId, null);
        await open.count(
          `INSERT INTO metric_types (organization_id, name, origin, kind, max_series, first_seen_at)
           SELECT $1::uuid, n.name, 'seen', 'gauge', ${SEEN_MAX_SERIES}, $3 FROM unnest($2::text[]) AS n (name)
           WHERE NOT EXISTS (SELECT FROM metric_types t WHERE t.organization_id = $1 AND t.name = n.name)
           ORDER BY n.name LIMIT $4`,
          [orgId, wanted, at, Math.max(0, free)],
        );
        // A declared type is first seen only now.
        await open.count(
          `UPDATE metric_types SET first_seen_at = $3
           WHERE organization_id = $1 AND name = ANY ($2) AND first_seen_at IS NULL`,
          [orgId, wanted, at],
        );
        const known = await open.rows<{ name: string }>(
          'SELECT name FROM metric_types WHERE organization_id = $1 AND name = ANY ($2) ORDER BY name',
          [orgId, wanted],
        );
        return known.map(({ name }) => name);
      }),

    delete: async (orgId, name) =>
      (await count('DELETE FROM metric_types WHERE organization_id = $1 AND name = $2', [orgId, name])) === 1,
  };
}

/** How many more types there may be, not counting `except`; the organisation is locked against rivals. */
async function lockAndCountFree({ rows }: Queries, orgId: string, except: string | null): Promise<number> {
  await rows('SELECT FROM organizations WHERE id = $1 FOR NO KEY UPDATE', [orgId]);
  const [found] = await rows<{ types: number }>(
    `SELECT count(*)::int AS types FROM metric_types
     WHERE organization_id = $1 AND ($2::text IS NULL OR name <> $2)`,
    [orgId, except],
  );
  return MAX_METRIC_TYPES - (found?.types ?? 0);
}
