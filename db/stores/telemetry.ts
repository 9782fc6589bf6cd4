/** Measurements: rows and cursors in batches of one statement each, and dead letters. */
import { and, desc, eq } from 'drizzle-orm';
import type { MetricRecord } from '#contract';
import { deviceMetrics } from '../schema/time-series.ts';
import type { TelemetryStore } from './contracts/telemetry.ts';
import { isoOf, type Queries } from './queries.ts';

const DAY_MS = 86_400_000;
/** Device times outside of this are not believed: they would make chunks and partitions without end. */
const MAX_PAST_MS = 2 * 365 * DAY_MS;
const MAX_FUTURE_MS = DAY_MS;
/** The table's own limit on the bytes of a dead letter. */
const MAX_SAMPLE_BYTES = 2048;
const MAX_RECENT = 10_000;

interface CursorKey {
  readonly deviceId: string;
  readonly stream: string;
  readonly bootId: string;
}
const keyOf = ({ deviceId, stream, bootId }: CursorKey): string => `${deviceId} ${stream} ${bootId}`;

export function createTelemetryStore({ orm, rows, count }: Queries): TelemetryStore {
  const lockCursors = (keys: readonly CursorKey[]) =>
    rows<CursorKey & { seq: number }>(
      `SELECT c.device_id AS "deviceId", c.stream, c.boot_id AS "bootId", c.seq::float8 AS seq
       FROM unnest($1::uuid[], $2::text[], $3::text[]) AS wanted (device_id, stream, boot_id)
       JOIN ingest_cursors c USING (device_id, stream, boot_id)
       ORDER BY c.device_id, c.stream, c.boot_id FOR UPDATE OF c`,
      columnsOf(keys),
    );

  return {
    async cursors(keys) {
      const wanted = [...new Map(keys.map((key) => [keyOf(key), key])).values()];
      const seqs = new Map<string, number>();
      for (const row of await lockCursors(wanted)) seqs.set(keyOf(row), row.seq);
      const fresh = wanted.filter((key) => !seqs.has(keyOf(key)));
      if (fresh.length === 0) return seqs;
      // A row that does not exist cannot be locked: make it, then read again what a rival may have made meanwhile.
      await count(
        `INSERT INTO ingest_cursors (device_id, stream, boot_id)
         SELECT f.device_id, f.stream, f.boot_id
         FROM unnest($1::uuid[], $2::text[], $3::text[]) AS f (device_id, stream, boot_id)
         JOIN edge_devices d ON d.id = f.device_id
         ORDER BY f.device_id, f.stream, f.boot_id ON CONFLICT DO NOTHING`,
        columnsOf(fresh),
      );
      for (const row of await lockCursors(fresh)) if (row.seq > 0) seqs.set(keyOf(row), row.seq);
      return seqs;
    },

    async moveCursors(moves) {
      if (moves.length === 0) return;
      const highest = new Map<string, (typeof moves)[number]>();
      for (const move of moves) {
        const other = highest.get(keyOf(move));
        if (other === undefined || other.seq < move.seq) highest.set(keyOf(move), move);
      }
      const last = [...highest.values()];
      await count(
        `INSERT INTO ingest_cursors (device_id, stream, boot_id, seq, updated_at)
         SELECT m.device_id, m.stream, m.boot_id, m.seq, m.at
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::timestamptz[])
           AS m (device_id, stream, boot_id, organization_id, seq, at)
         JOIN edge_devices d ON d.id = m.device_id AND d.organization_id = m.organization_id
         ORDER BY m.device_id, m.stream, m.boot_id
         ON CONFLICT (device_id, stream, boot_id)
         DO UPDATE SET seq = greatest(ingest_cursors.seq, excluded.seq), updated_at = excluded.updated_at`,
        [
          ...columnsOf(last),
          last.map(({ orgId }) => orgId),
          last.map(({ seq }) => seq),
          last.map(({ at }) => isoOf(at)),
        ],
      );
    },

    async insertMetrics(metrics) {
      if (metrics.length === 0) return 0;
      const times = metrics.map(({ record, receivedAt }) => placeInTime(record, receivedAt));
      // The join keeps out devices that are gone or of another organisation; the lock keeps them until we commit.
      return await count(
        `WITH owned AS (
           SELECT id, organization_id FROM edge_devices WHERE id = ANY ($8::uuid[]) ORDER BY id FOR KEY SHARE
         )
         INSERT INTO device_metrics
           (device_id, organization_id, "timestamp", received_at, metric_type, metric_value, metadata)
         SELECT m.device_id, m.organization_id, m.at, m.received_at, m.type, m.value::jsonb, m.metadata::jsonb
         FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::text[])
           AS m (device_id, organization_id, at, received_at, type, value, metadata)
         JOIN owned ON owned.id = m.device_id AND owned.organization_id = m.organization_id`,
        [
          metrics.map(({ deviceId }) => deviceId),
          metrics.map(({ orgId }) => orgId),
          times.map(({ at }) => isoOf(at)),
          metrics.map(({ receivedAt }) => isoOf(receivedAt)),
          metrics.map(({ record }) => record.metric_type),
          metrics.map(({ record }) => JSON.stringify(record.value)),
          times.map(({ metadata }) => metadata),
          [...new Set(metrics.map(({ deviceId }) => deviceId))],
        ],
      );
    },

    async recentMetrics(orgId, deviceId, limit) {
      const found = await orm
        .select({
          timestamp: deviceMetrics.timestamp,
          metricType: deviceMetrics.metricType,
          value: deviceMetrics.metricValue,
        })
        .from(deviceMetrics)
        .where(and(eq(deviceMetrics.organizationId, orgId), eq(deviceMetrics.deviceId, deviceId)))
        .orderBy(desc(deviceMetrics.timestamp))
        .limit(Math.min(limit, MAX_RECENT));
      return found;
    },

    async deadLetter(letters) {
      if (letters.length === 0) return;
      await count(
        `INSERT INTO dead_letters (org_slug, device, channel, topic, reason, sample, received_at)
         SELECT left(org, 100), left(device, 100), left(channel, 100), left(topic, 300), left(reason, 500),
                decode(sample, 'hex'), received_at
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
           AS letter (org, device, channel, topic, reason, sample, received_at)`,
        [
          letters.map(({ orgSlug }) => storable(orgSlug)),
          letters.map(({ device }) => storable(device)),
          letters.map(({ channel }) => storable(channel)),
          letters.map(({ topic }) => storable(topic)),
          letters.map(({ reason }) => storable(reason)),
          letters.map(({ sample }) => Buffer.from(sample.subarray(0, MAX_SAMPLE_BYTES)).toString('hex')),
          letters.map(({ receivedAt }) => isoOf(receivedAt)),
        ],
      );
    },
  };
}

const columnsOf = (keys: readonly CursorKey[]): string[][] => [
  keys.map(({ deviceId }) => deviceId),
  keys.map(({ stream }) => stream),
  keys.map(({ bootId }) => bootId),
];

/** The device's time where it is plausible, else ours, with the difference kept. */
export function placeInTime(
  { timestamp }: Pick<MetricRecord, 'timestamp'>,
  receivedAt: Date,
): { at: Date; metadata: string | null } {
  const at = new Date(timestamp);
  const skewMs = at.getTime() - receivedAt.getTime();
  if (skewMs >= -MAX_PAST_MS && skewMs <= MAX_FUTURE_MS) return { at, metadata: null };
  const clockSkewMs = Number.isNaN(skewMs) ? null : skewMs;
  return {
    at: receivedAt,
    metadata: JSON.stringify({ clock_skew: true, clock_skew_ms: clockSkewMs, device_timestamp: timestamp }),
  };
}

/** PostgreSQL has no U+0000 in text, and dead letters are what was malformed. */
const storable = (text: string | null): string | null =>
  text?.replaceAll('\0', '\uFFFD').toWellFormed() ?? null;
