/** Measurements as they are read: buckets of any width, rows as they were sent, and what there is. */
import type { Dialect } from '../timeseries/dialect.ts';
import { effectiveDays } from '../timeseries/retention-days.ts';
import type { Bucket, RawMetric, SeriesCatalogueRow, SeriesQuery, SeriesStore } from './contracts/series.ts';
import type { Queries } from './queries.ts';
import { refreshRollups, rollupLagSeconds } from './rollups.ts';
import { bucketsSql, type Shape, widen } from './series-sql.ts';

const MAX_RECENT = 10_000;
/** Above what the API ever asks for: 50 devices at 5,000 points. */
const MAX_BUCKETS = 1_000_000;
const MAX_PAGE = 10_000;
/** Series of one device; the API's own limit is lower. */
const MAX_CATALOGUE = 10_000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

type Page = Parameters<SeriesStore['rawPage']>[1] & { readonly orgId: string; readonly limit: number };
type After = NonNullable<Parameters<SeriesStore['rawPage']>[2]>;

export function createSeriesStore(
  queries: Queries,
  dialect: Dialect,
  now: () => number = Date.now,
): SeriesStore {
  const { rows } = queries;

  async function ask(
    orgId: string,
    { deviceIds, metricType, field, labels, ...range }: SeriesQuery,
    shape: Omit<Shape, 'oneField'>,
    limit: number,
  ): Promise<readonly Bucket[]> {
    const { from, to } = widen(shape.resolution, range.from, range.to);
    const minutesSince = shape.resolution === '1m' ? await minutesKeptSince(queries, orgId, now()) : from;
    return await rows<Bucket & { labels: Record<string, string> }>(
      bucketsSql(dialect, { ...shape, oneField: field !== null }),
      [
        ...[orgId, deviceIds, metricType, from, to, field],
        labels === null ? null : JSON.stringify(labels),
        Math.min(limit, MAX_BUCKETS) + 1,
        minutesSince,
      ],
    );
  }

  return {
    buckets: (orgId, query, { resolution, bucketSeconds, limit }) =>
      ask(orgId, query, { resolution, bucketSeconds, combined: false }, limit),

    combined: (orgId, query, { resolution, bucketSeconds, limit }) =>
      ask(orgId, query, { resolution, bucketSeconds, combined: true }, limit),

    async rawPage(orgId, query, after, limit) {
      const page: RawMetric[] = [];
      const devices = [...query.deviceIds].sort();
      const most = Math.min(limit, MAX_PAGE);
      // A device at a time, for each has its own stretch of the index.
      for (const deviceId of devices) {
        if (page.length >= most || (after !== null && deviceId < after.deviceId)) continue;
        const here = after?.deviceId === deviceId ? after : null;
        const asked = { ...query, orgId, limit: most - page.length };
        page.push(...(await rawPageOf(queries, deviceId, asked, here)));
      }
      return page;
    },

    recent: (orgId, deviceId, limit) =>
      rows(
        `SELECT "timestamp", metric_type AS "metricType", labels, metric_value AS value FROM device_metrics
         WHERE organization_id = $1 AND device_id = $2 ORDER BY "timestamp" DESC LIMIT $3`,
        [orgId, deviceId, Math.min(limit, MAX_RECENT)],
      ),

    catalogue: (orgId, deviceId, since) =>
      rows<SeriesCatalogueRow & { labels: Record<string, string> }>(
        `WITH found AS (
           SELECT metric_type, labels, key AS field, max(bucket) AS last_at
           FROM device_metrics_1h CROSS JOIN LATERAL jsonb_object_keys(fields) AS key
           WHERE organization_id = $1 AND device_id = $2 AND bucket >= $3 GROUP BY 1, 2, 3
           UNION ALL
           SELECT m.metric_type, coalesce(m.labels, '{}'), s.field, max(m."timestamp")
           FROM metric_hours_dirty d
           JOIN device_metrics m ON m.device_id = d.device_id
             AND m."timestamp" >= d.hour AND m."timestamp" < d.hour + interval '1 hour'
           CROSS JOIN LATERAL metric_samples(m.metric_value, NULL) AS s
           WHERE d.device_id = $2 AND d.hour >= date_trunc('hour', $3::timestamptz, 'UTC')
             AND m.organization_id = $1 AND m.device_id = $2 AND m."timestamp" >= $3
           GROUP BY 1, 2, 3
         )
         SELECT metric_type AS "metricType", labels, array_agg(DISTINCT field ORDER BY field) AS fields,
                max(last_at) AS "lastAt"
         FROM found GROUP BY 1, 2 ORDER BY 1, 2 LIMIT ${MAX_CATALOGUE}`,
        [orgId, deviceId, since],
      ),

    refreshRollups: (at, limit) => refreshRollups(queries, at, limit),
    rollupLagSeconds: (at) => rollupLagSeconds(queries, at),
  };
}

/** Before that, minutes are summed up from raw rows, which are kept for longer. A whole hour. */
async function minutesKeptSince({ rows }: Queries, orgId: string, nowMs: number): Promise<Date> {
  const [own] = await rows<{ days: Record<string, number> }>(
    'SELECT retention_days AS days FROM telemetry_settings WHERE organization_id = $1',
    [orgId],
  );
  const { metrics_1m: days } = effectiveDays(own?.days ?? {});
  return new Date(Math.ceil((nowMs - days * DAY_MS) / HOUR_MS) * HOUR_MS);
}

/** Rows of one instant have no order of their own, so they are ordered by content. */
function rawPageOf(
  { rows }: Queries,
  deviceId: string,
  { orgId, metricType, from, to, limit }: Page,
  after: After | null,
): Promise<RawMetric[]> {
  return rows<RawMetric>(
    `SELECT device_id AS "deviceId", "timestamp" AS at, received_at AS "receivedAt", metric_type AS "metricType",
            metric_value AS value, labels, metadata
     FROM device_metrics
     WHERE organization_id = $1 AND device_id = $2 AND ($3::text IS NULL OR metric_type = $3)
       AND "timestamp" >= greatest($4::timestamptz, $6::timestamptz) AND "timestamp" < $5
     ORDER BY "timestamp", metric_type, labels, metric_value, received_at, metadata
     LIMIT $7 OFFSET $8`,
    [
      ...[orgId, deviceId, metricType, from, to],
      ...[after === null ? null : new Date(after.atMs), limit, after?.skip ?? 0],
    ],
  );
}
