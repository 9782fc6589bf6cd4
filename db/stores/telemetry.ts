/** What ingest writes: rows by COPY, cursors in batches of one statement each, dead letters and counters. */
import type { CursorKey, TelemetryStore } from './contracts/telemetry.ts';
import { createDeadLetters } from './dead-letters.ts';
import { createIngestMinutes } from './ingest-minutes.ts';
import { isoOf, type Queries } from './queries.ts';
import {
  COPY_LOGS,
  COPY_METRICS,
  type DeviceHour,
  type DeviceService,
  encodeLogs,
  encodeMetrics,
  hoursOf,
  servicesOf,
} from './telemetry-rows.ts';

const keyOf = ({ deviceId, stream, bootId }: CursorKey): string => `${deviceId} ${stream} ${bootId}`;

export function createTelemetryStore(queries: Queries): TelemetryStore {
  const { rows, count, inTransaction } = queries;
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
      return await inTransaction(async (open) => {
        const stored = await open.copy(COPY_METRICS, encodeMetrics(metrics));
        // After the rows: whoever sums up an hour holds its mark, and we wait for him here (see rollups.ts).
        await noteHours(open, hoursOf(metrics));
        return stored;
      });
    },

    async insertLogs(lines) {
      if (lines.length === 0) return 0;
      return await inTransaction(async (open) => {
        const stored = await open.copy(COPY_LOGS, encodeLogs(lines));
        await noteServices(open, servicesOf(lines));
        return stored;
      });
    },

    ...createDeadLetters(queries),
    ...createIngestMinutes(queries),
  };
}

const columnsOf = (keys: readonly CursorKey[]): string[][] => [
  keys.map(({ deviceId }) => deviceId),
  keys.map(({ stream }) => stream),
  keys.map(({ bootId }) => bootId),
];

/**
 * Marks the hours as to be summed up. The mark of an hour that still runs is left as it is, which costs a look instead
 * of a write: nobody sums it up before this transaction is over. Any other is written, which also locks it.
 */
async function noteHours({ count }: Queries, hours: readonly DeviceHour[]): Promise<void> {
  await count(
    `INSERT INTO metric_hours_dirty AS dirty (device_id, hour, touched_at)
     SELECT n.device_id, n.hour, n.touched_at
     FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS n (device_id, hour, touched_at)
     WHERE n.hour <= now() - interval '1 hour'
        OR NOT EXISTS (SELECT FROM metric_hours_dirty m WHERE m.device_id = n.device_id AND m.hour = n.hour)
     ORDER BY n.device_id, n.hour
     ON CONFLICT (device_id, hour) DO UPDATE SET touched_at = greatest(dirty.touched_at, excluded.touched_at)`,
    [
      hours.map(({ deviceId }) => deviceId),
      hours.map(({ hourMs }) => new Date(hourMs).toISOString()),
      hours.map(({ receivedAtMs }) => new Date(receivedAtMs).toISOString()),
    ],
  );
}

/** Exact to the hour, so that a service that logs all day costs one write an hour. */
async function noteServices({ count }: Queries, services: readonly DeviceService[]): Promise<void> {
  await count(
    `INSERT INTO device_log_services AS known (device_id, service_name, last_at)
     SELECT n.device_id, n.service_name, n.last_at
     FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS n (device_id, service_name, last_at)
     WHERE NOT EXISTS (SELECT FROM device_log_services s WHERE s.device_id = n.device_id
                       AND s.service_name = n.service_name AND s.last_at > n.last_at - interval '1 hour')
     ORDER BY n.device_id, n.service_name
     ON CONFLICT (device_id, service_name) DO UPDATE SET last_at = greatest(known.last_at, excluded.last_at)`,
    [
      services.map(({ deviceId }) => deviceId),
      services.map(({ service }) => service),
      services.map(({ atMs }) => new Date(atMs).toISOString()),
    ],
  );
}
