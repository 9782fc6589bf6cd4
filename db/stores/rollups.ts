/**
 * Sums of measurements per minute, hour and day, made anew for each hour of a device that changed.
 *
 * Ingest marks the hours it writes to (telemetry.ts). An hour is summed up when it is over and nothing came for it for
 * a minute; its mark is locked meanwhile and goes with the same commit, so that rows which come later find no mark
 * and make a new one. Reading takes raw rows for marked hours (series-sql.ts), so it never waits for this.
 */
import { effectiveDays, type RetentionDays } from '../timeseries/retention-days.ts';
import type { Queries } from './queries.ts';

/**
 * After the end of an hour: no transaction of ingest that began within it is still open then, for none of ours takes
 * minutes. Ingest relies on this when it leaves the mark of a running hour as it is.
 */
const SETTLE_MS = 5 * 60_000;
/** Since the last late row: backlogs come in batches. */
const QUIET_MS = 60_000;
/** Hours in one transaction: some hundred thousand rows of a busy device, far below the statement timeout. */
const PAIRS_PER_CHUNK = 50;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Serialises processes that sum up: two hours of one day make one row. Any constant of our own will do. */
const ROLLUP_LOCK = 7_016_403;
const STATEMENT_TIMED_OUT = '57014';

interface Pair {
  readonly deviceId: string;
  readonly orgId: string;
  readonly hour: Date;
}

/** @returns pairs settled, at most `limit`; fewer where another process is at it. */
export async function refreshRollups(queries: Queries, now: Date, limit: number): Promise<number> {
  const retention = await retentionOf(queries);
  let settled = 0;
  let size = PAIRS_PER_CHUNK;
  while (settled < limit) {
    const wanted = Math.min(size, limit - settled);
    try {
      const done = await queries.inTransaction((open) => refreshChunk(open, retention, now, wanted));
      settled += done;
      if (done < wanted) break;
    } catch (error) {
      // One hour of one device at a time, where fifty are too much.
      if (wanted === 1 || !timedOut(error)) throw error;
      size = 1;
    }
  }
  return settled;
}

/** Since when the oldest hour that could be summed up could be. */
export async function rollupLagSeconds({ rows }: Queries, now: Date): Promise<number> {
  const [oldest] = await rows<{ seconds: number | null }>(
    `SELECT extract(epoch FROM $1::timestamptz - min(
              greatest(hour + interval '${HOUR_MS + SETTLE_MS} milliseconds',
                       touched_at + interval '${QUIET_MS} milliseconds')))::float8 AS seconds
     FROM metric_hours_dirty WHERE hour <= $2 AND touched_at <= $3`,
    [now, ...dueBefore(now)],
  );
  return Math.max(0, oldest?.seconds ?? 0);
}

const dueBefore = (now: Date): readonly [Date, Date] => [
  new Date(+now - HOUR_MS - SETTLE_MS),
  new Date(+now - QUIET_MS),
];

async function refreshChunk(
  queries: Queries,
  retention: (orgId: string) => RetentionDays,
  now: Date,
  limit: number,
): Promise<number> {
  const { rows, count } = queries;
  const [lock] = await rows<{ mine: boolean }>(`SELECT pg_try_advisory_xact_lock(${ROLLUP_LOCK}) AS mine`);
  if (lock?.mine !== true) return 0;
  const pairs = await rows<Pair>(
    `SELECT m.device_id AS "deviceId", d.organization_id AS "orgId", m.hour
     FROM metric_hours_dirty m JOIN edge_devices d ON d.id = m.device_id
     WHERE m.hour <= $1 AND m.touched_at <= $2
     ORDER BY m.hour, m.device_id LIMIT $3 FOR UPDATE OF m SKIP LOCKED`,
    [...dueBefore(now), limit],
  );
  if (pairs.length === 0) return 0;
  const keptSince = ({ orgId }: Pair, name: 'metrics' | 'metrics_1m'): number =>
    +now - retention(orgId)[name] * DAY_MS;
  // Where raw rows are gone already, what came late is less than what was summed up before.
  const whole = pairs.filter((pair) => +pair.hour >= keptSince(pair, 'metrics'));
  const types = await sumHours(queries, whole, (pair) => +pair.hour >= keptSince(pair, 'metrics_1m'));
  await sumDays(queries, types);
  await count(
    `DELETE FROM metric_hours_dirty m USING unnest($1::uuid[], $2::timestamptz[]) AS p (device_id, hour)
     WHERE m.device_id = p.device_id AND m.hour = p.hour`,
    columnsOf(pairs),
  );
  return pairs.length;
}

interface SummedType {
  readonly deviceId: string;
  readonly metricType: string;
  readonly day: Date;
}

/** Minutes and hours anew from raw rows. @returns what the days of must follow */
async function sumHours(
  { rows }: Queries,
  pairs: readonly Pair[],
  keepsMinutes: (pair: Pair) => boolean,
): Promise<SummedType[]> {
  if (pairs.length === 0) return [];
  const hours = pairs.map(({ hour }) => +hour);
  // The bounds let the planner leave out other chunks; types are named, for the index of rollups begins with them.
  return await rows<SummedType>(
    `WITH pairs AS (
       SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) AS p (device_id, hour, minutes)
     ), summed AS MATERIALIZED (
       SELECT m.device_id, m.organization_id, m.metric_type, coalesce(m.labels, '{}') AS labels, p.hour, p.minutes,
              date_trunc('minute', m."timestamp") AS minute, s.field,
              sum(s.samples) AS samples, sum(s.total) AS total, min(s.low) AS low, max(s.high) AS high
       FROM pairs p
       JOIN LATERAL (
         SELECT * FROM device_metrics r
         WHERE r.device_id = p.device_id AND r."timestamp" >= p.hour AND r."timestamp" < p.hour + interval '1 hour'
           AND r."timestamp" >= $4::timestamptz AND r."timestamp" < $5::timestamptz
       ) m ON true
       CROSS JOIN LATERAL metric_samples(m.metric_value, m.metadata) AS s
       GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
     ), keys AS MATERIALIZED (
       SELECT DISTINCT device_id, metric_type, hour FROM summed
     ), gone_minutes AS (
       DELETE FROM device_metrics_1m r USING keys k
       WHERE r.device_id = k.device_id AND r.metric_type = k.metric_type
         AND r.bucket >= k.hour AND r.bucket < k.hour + interval '1 hour'
         AND r.bucket >= $4::timestamptz AND r.bucket < $5::timestamptz
     ), gone_hours AS (
       DELETE FROM device_metrics_1h r USING keys k
       WHERE r.device_id = k.device_id AND r.metric_type = k.metric_type AND r.bucket = k.hour
         AND r.bucket >= $4::timestamptz AND r.bucket < $5::timestamptz
     ), new_minutes AS (
       INSERT INTO device_metrics_1m (device_id, organization_id, bucket, metric_type, labels, fields)
       SELECT device_id, organization_id, minute, metric_type, labels,
              jsonb_object_agg(field, jsonb_build_array(samples, total, low, high))
       FROM summed WHERE minutes GROUP BY 1, 2, 3, 4, 5
     ), new_hours AS (
       INSERT INTO device_metrics_1h (device_id, organization_id, bucket, metric_type, labels, fields)
       SELECT device_id, organization_id, hour, metric_type, labels,
              jsonb_object_agg(field, jsonb_build_array(samples, total, low, high))
       FROM (
         SELECT device_id, organization_id, hour, metric_type, labels, field,
                sum(samples) AS samples, sum(total) AS total, min(low) AS low, max(high) AS high
         FROM summed GROUP BY 1, 2, 3, 4, 5, 6
       ) AS hourly GROUP BY 1, 2, 3, 4, 5
     )
     SELECT DISTINCT device_id AS "deviceId", metric_type AS "metricType", date_trunc('day', hour, 'UTC') AS day
     FROM keys`,
    [
      ...columnsOf(pairs),
      pairs.map(keepsMinutes),
      new Date(Math.min(...hours)),
      new Date(Math.max(...hours) + HOUR_MS),
    ],
  );
}

/** Days anew from their hours. */
async function sumDays({ count }: Queries, types: readonly SummedType[]): Promise<void> {
  if (types.length === 0) return;
  const days = types.map(({ day }) => +day);
  const parameters = [
    types.map(({ deviceId }) => deviceId),
    types.map(({ metricType }) => metricType),
    types.map(({ day }) => day.toISOString()),
    new Date(Math.min(...days)),
    new Date(Math.max(...days) + DAY_MS),
  ];
  const keys = `keys AS (SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS k (device_id, metric_type, day))`;
  await count(
    `WITH ${keys}, gone AS (
       DELETE FROM device_metrics_1d r USING keys k
       WHERE r.device_id = k.device_id AND r.metric_type = k.metric_type AND r.bucket = k.day
         AND r.bucket >= $4::timestamptz AND r.bucket < $5::timestamptz
     )
     INSERT INTO device_metrics_1d (device_id, organization_id, bucket, metric_type, labels, fields)
     SELECT device_id, organization_id, day, metric_type, labels,
            jsonb_object_agg(field, jsonb_build_array(samples, total, low, high))
     FROM (
       SELECT h.device_id, h.organization_id, k.day, h.metric_type, h.labels, f.key AS field,
              sum((f.value ->> 0)::float8) AS samples, sum((f.value ->> 1)::float8) AS total,
              min((f.value ->> 2)::float8) AS low, max((f.value ->> 3)::float8) AS high
       FROM keys k
       JOIN LATERAL (
         SELECT * FROM device_metrics_1h r
         WHERE r.device_id = k.device_id AND r.metric_type = k.metric_type
           AND r.bucket >= k.day AND r.bucket < k.day + interval '1 day'
           AND r.bucket >= $4::timestamptz AND r.bucket < $5::timestamptz
       ) h ON true
       CROSS JOIN LATERAL jsonb_each(h.fields) AS f
       GROUP BY 1, 2, 3, 4, 5, 6
     ) AS daily GROUP BY 1, 2, 3, 4, 5`,
    parameters,
  );
}

const columnsOf = (pairs: readonly Pair[]): string[][] => [
  pairs.map(({ deviceId }) => deviceId),
  pairs.map(({ hour }) => hour.toISOString()),
];

async function retentionOf({ rows }: Queries): Promise<(orgId: string) => RetentionDays> {
  const found = await rows<{ orgId: string; days: Partial<RetentionDays> }>(
    'SELECT organization_id AS "orgId", retention_days AS days FROM telemetry_settings',
  );
  const byOrg = new Map(found.map(({ orgId, days }) => [orgId, effectiveDays(days)]));
  const standard = effectiveDays({});
  return (orgId) => byOrg.get(orgId) ?? standard;
}

function timedOut(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === STATEMENT_TIMED_OUT;
}
