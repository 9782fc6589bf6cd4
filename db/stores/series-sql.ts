/**
 * The statement that answers for a stretch of time: rows of rollups where they are settled, and raw rows summed up on
 * the way where they are not, so that the answer is what a sum over the raw rows would give. Pure.
 *
 * Parameters: $1 organisation, $2 devices, $3 metric type, $4 from, $5 to, $6 field or null, $7 labels or null,
 * $8 limit, $9 time before which no minutes are kept.
 */
import type { Dialect } from '../timeseries/dialect.ts';
import type { StoredResolution } from './contracts/series.ts';

const UNIT_MS: Readonly<Record<StoredResolution, number>> = {
  raw: 1,
  '1m': 60_000,
  '1h': 3_600_000,
  '1d': 86_400_000,
};

/** Whole units of the resolution: half a bucket would be neither one sum nor the other. */
export function widen(resolution: StoredResolution, from: Date, to: Date): { from: Date; to: Date } {
  const unit = UNIT_MS[resolution];
  return {
    from: new Date(Math.floor(+from / unit) * unit),
    to: new Date(Math.ceil(+to / unit) * unit),
  };
}

const DIRTY = `dirty AS MATERIALIZED (
  SELECT device_id, hour FROM metric_hours_dirty
  WHERE device_id = ANY ($2::uuid[]) AND hour >= date_trunc('hour', $4::timestamptz, 'UTC') AND hour < $5::timestamptz
)`;

/** Raw rows as samples; `m` is device_metrics. */
const SAMPLE_COLUMNS = `m.device_id, m."timestamp" AS at, coalesce(m.labels, '{}') AS labels,
  s.field, s.samples, s.total, s.low, s.high`;
const SAMPLES = `CROSS JOIN LATERAL metric_samples(m.metric_value, m.metadata) AS s`;
const ASKED = `m.organization_id = $1 AND m.metric_type = $3
  AND ($7::jsonb IS NULL OR m.labels @> $7::jsonb) AND ($6::text IS NULL OR s.field = $6)`;

const allRaw = (from: string, to: string): string => `
  SELECT ${SAMPLE_COLUMNS} FROM device_metrics m ${SAMPLES}
  WHERE m.device_id = ANY ($2::uuid[]) AND m."timestamp" >= ${from} AND m."timestamp" < ${to} AND ${ASKED}`;

const rawOfDirty = (from: string): string => `
  SELECT ${SAMPLE_COLUMNS} FROM dirty d
  JOIN LATERAL (
    SELECT * FROM device_metrics r
    WHERE r.device_id = d.device_id AND r."timestamp" >= d.hour AND r."timestamp" < d.hour + interval '1 hour'
      AND r."timestamp" >= ${from} AND r."timestamp" < $5::timestamptz
  ) m ON true ${SAMPLES}
  WHERE ${ASKED}`;

/** `r` is a rollup. */
const settledColumns = `r.device_id, r.bucket AS at, r.labels, f.key AS field, (f.value ->> 0)::float8 AS samples,
  (f.value ->> 1)::float8 AS total, (f.value ->> 2)::float8 AS low, (f.value ->> 3)::float8 AS high`;
const fieldsOf = (oneField: boolean): string =>
  oneField
    ? `CROSS JOIN LATERAL (SELECT $6::text AS key, r.fields -> $6::text AS value) AS f`
    : 'CROSS JOIN LATERAL jsonb_each(r.fields) AS f';
const SETTLED_ASKED = `r.organization_id = $1 AND r.metric_type = $3 AND ($7::jsonb IS NULL OR r.labels @> $7::jsonb)
  AND f.value IS NOT NULL`;

const settled = (table: string, from: string, unlessDirty: string, oneField: boolean): string => `
  SELECT ${settledColumns} FROM ${table} r ${fieldsOf(oneField)}
  WHERE r.device_id = ANY ($2::uuid[]) AND r.bucket >= ${from} AND r.bucket < $5::timestamptz AND ${SETTLED_ASKED}
    AND NOT EXISTS (SELECT FROM dirty d WHERE d.device_id = r.device_id AND ${unlessDirty})`;

const hoursOfDirtyDays = (oneField: boolean): string => `
  SELECT ${settledColumns}
  FROM (SELECT DISTINCT device_id, date_trunc('day', hour, 'UTC') AS day FROM dirty) AS days
  JOIN LATERAL (
    SELECT * FROM device_metrics_1h h
    WHERE h.device_id = days.device_id AND h.metric_type = $3
      AND h.bucket >= days.day AND h.bucket < days.day + interval '1 day'
      AND h.bucket >= $4::timestamptz AND h.bucket < $5::timestamptz
  ) r ON true ${fieldsOf(oneField)}
  WHERE ${SETTLED_ASKED} AND NOT EXISTS (SELECT FROM dirty d WHERE d.device_id = r.device_id AND d.hour = r.bucket)`;

function partsOf(resolution: StoredResolution, oneField: boolean): string {
  const from = '$4::timestamptz';
  switch (resolution) {
    case 'raw':
      return allRaw(from, '$5::timestamptz');
    case '1m': {
      const sinceKept = `greatest(${from}, $9::timestamptz)`;
      const sameHour = `d.hour = date_trunc('hour', r.bucket, 'UTC')`;
      return [
        settled('device_metrics_1m', sinceKept, sameHour, oneField),
        rawOfDirty(sinceKept),
        allRaw(from, `least($5::timestamptz, $9::timestamptz)`),
      ].join(' UNION ALL ');
    }
    case '1h':
      return [settled('device_metrics_1h', from, 'd.hour = r.bucket', oneField), rawOfDirty(from)].join(
        ' UNION ALL ',
      );
    case '1d':
      return [
        settled('device_metrics_1d', from, `date_trunc('day', d.hour, 'UTC') = r.bucket`, oneField),
        hoursOfDirtyDays(oneField),
        rawOfDirty(from),
      ].join(' UNION ALL ');
  }
}

export interface Shape {
  readonly resolution: StoredResolution;
  /** Null = single samples, of raw rows only. */
  readonly bucketSeconds: number | null;
  readonly oneField: boolean;
  /** All devices as one. */
  readonly combined: boolean;
}

export function bucketsSql(dialect: Dialect, shape: Shape): string {
  const { resolution, bucketSeconds, oneField, combined } = shape;
  const device = combined ? `''` : 'device_id::text';
  const at = bucketSeconds === null ? 'at' : dialect.bucketSql('at', bucketSeconds);
  const columns = `${device} AS "deviceId", field, labels, (extract(epoch FROM ${at}) * 1000)::float8 AS "atMs"`;
  const sums =
    bucketSeconds === null
      ? 'samples AS n, total AS sum, low AS min, high AS max'
      : 'sum(samples) AS n, sum(total) AS sum, min(low) AS min, max(high) AS max';
  // Read first, so that the statement has all parameters in every form.
  return `WITH asked AS (SELECT $6::text, $7::jsonb, $9::timestamptz), ${DIRTY}, parts AS (${partsOf(resolution, oneField)})
    SELECT ${columns}, ${sums} FROM parts
    ${bucketSeconds === null ? '' : 'GROUP BY 1, 2, 3, 4'} ORDER BY 1, 2, 3, 4 LIMIT $8`;
}
