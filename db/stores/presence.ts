/** Presence and heartbeats: rows locked in id order, decided on by the caller's pure core, saved in batches. */
import { and, eq, gte, lt } from 'drizzle-orm';
import { decodeValue, Heartbeat, isDeviceId } from '#contract';
import { presenceEvents } from '../schema/time-series.ts';
import type { DeviceStatus, Intent, Observation } from './contracts/devices.ts';
import type { HeartbeatRow, PresenceSnapshot, PresenceStore, SharedDevice } from './contracts/presence.ts';
import { deviceScopeSql } from './device-scope.ts';
import { openPage } from './page.ts';
import { isoOf, type Queries } from './queries.ts';

/** bigint as float8: pg would hand it over as text, and epochs stay far below 2^53. */
const STATE_COLUMNS = `p.device_id AS "deviceId", d.organization_id AS "orgId", o.slug AS "orgSlug", p.observation,
  p.since, p.session_epoch::float8 AS "sessionEpoch", p.connected, p.last_heartbeat_at AS "lastHeartbeatAt",
  p.goodbye_reason AS "goodbyeReason"`;
const STATE_TABLES = `edge_devices d JOIN organizations o ON o.id = d.organization_id
  JOIN device_presence p ON p.device_id = d.id`;

/** Of `presence_events.reason` and `device_presence.goodbye_reason`. */
const MAX_REASON = 200;
const MAX_GOODBYE = 100;

interface StateRow {
  deviceId: string;
  orgId: string;
  orgSlug: string;
  observation: Observation;
  since: Date | null;
  sessionEpoch: number;
  connected: boolean;
  lastHeartbeatAt: Date | null;
  goodbyeReason: string | null;
}
interface SnapshotRow extends StateRow {
  heartbeat: unknown;
  facts: Record<string, unknown>;
  clockSkewMs: number | null;
}

/** By metric: what it is, and what the highest are sorted by. A clock that is late is as wrong as one that is early. */
const percent = (name: string) => {
  const value = `(p.heartbeat #>> '{metrics,${name}}')::float8`;
  return { value, rank: value };
};
const TOP_METRICS = {
  cpu_percent: percent('cpu_percent'),
  memory_percent: percent('memory_percent'),
  disk_percent: percent('disk_percent'),
  gpu_percent: percent('gpu_percent'),
  outbox_records: {
    value: `(p.heartbeat #>> '{outbox,records}')::float8`,
    rank: `(p.heartbeat #>> '{outbox,records}')::float8`,
  },
  clock_skew_ms: { value: 'p.clock_skew_ms::float8', rank: 'abs(p.clock_skew_ms)' },
} as const;
const MAX_TOP = 1000;

/** What a scope is held against. */
const OWNER = { orgId: 'd.organization_id', deviceId: 'd.id' };

export function createPresenceStore({ orm, rows, count }: Queries): PresenceStore {
  return {
    async lock(addresses) {
      // The device's row is shared first, so that a deletion (device, then presence) cannot cross our path.
      return await rows<StateRow & { intent: Intent }>(
        `SELECT ${STATE_COLUMNS}, d.intent
         FROM unnest($1::text[], $2::uuid[]) AS wanted (org, device), ${STATE_TABLES}
         WHERE d.id = wanted.device AND o.slug = wanted.org
         ORDER BY p.device_id FOR KEY SHARE OF d FOR UPDATE OF p`,
        wantedColumns(addresses),
      );
    },

    share: (addresses) =>
      rows<SharedDevice>(
        `SELECT d.id AS "deviceId", d.organization_id AS "orgId", o.slug AS "orgSlug", d.intent
         FROM unnest($1::text[], $2::uuid[]) AS wanted (org, device)
         JOIN edge_devices d ON d.id = wanted.device
         JOIN organizations o ON o.id = d.organization_id AND o.slug = wanted.org
         ORDER BY d.id FOR KEY SHARE OF d`,
        wantedColumns(addresses),
      ),

    async save(states) {
      if (states.length === 0) return;
      await count(
        `WITH input AS (
           SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::bigint[], $6::boolean[],
                                $7::timestamptz[], $8::text[])
             AS input (device_id, organization_id, observation, since, session_epoch, connected, beat_at, goodbye)
         ), saved AS (
           UPDATE device_presence p
           SET observation = i.observation, since = i.since, session_epoch = i.session_epoch,
               connected = i.connected, last_heartbeat_at = greatest(p.last_heartbeat_at, i.beat_at),
               goodbye_reason = i.goodbye
           FROM input i JOIN edge_devices d ON d.id = i.device_id AND d.organization_id = i.organization_id
           WHERE p.device_id = i.device_id
         )
         UPDATE edge_devices d
         SET observation = i.observation, last_seen = greatest(d.last_seen, i.beat_at)
         FROM input i
         WHERE d.id = i.device_id AND d.organization_id = i.organization_id AND d.observation <> i.observation`,
        [
          states.map(({ deviceId }) => deviceId),
          states.map(({ orgId }) => orgId),
          states.map(({ observation }) => observation),
          states.map(({ since }) => isoOf(since)),
          states.map(({ sessionEpoch }) => sessionEpoch),
          states.map(({ connected }) => connected),
          states.map(({ lastHeartbeatAt }) => isoOf(lastHeartbeatAt)),
          states.map(({ goodbyeReason }) => goodbyeReason?.slice(0, MAX_GOODBYE) ?? null),
        ],
      );
    },

    async saveHeartbeats(beats) {
      const newest = newestOfEach(beats);
      if (newest.length === 0) return;
      await count(
        `WITH input AS (
           SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[],
                                $7::bigint[])
             AS input (device_id, received_at, heartbeat, facts, firmware, agent, skew)
         ), bodies AS (
           UPDATE device_presence p
           SET last_heartbeat_at = i.received_at, heartbeat = i.heartbeat::jsonb,
               facts = coalesce(i.facts::jsonb, p.facts), clock_skew_ms = i.skew
           FROM input i
           WHERE p.device_id = i.device_id
             AND (p.last_heartbeat_at IS NULL OR p.last_heartbeat_at <= i.received_at)
         )
         UPDATE edge_devices d
         SET firmware_version = coalesce(i.firmware, d.firmware_version),
             agent_version = coalesce(i.agent, d.agent_version), updated_at = now()
         FROM input i
         WHERE d.id = i.device_id
           AND (i.firmware <> coalesce(d.firmware_version, '') OR i.agent <> coalesce(d.agent_version, ''))`,
        [
          newest.map(({ deviceId }) => deviceId),
          newest.map(({ receivedAt }) => isoOf(receivedAt)),
          newest.map(({ heartbeat: { facts: _, ...body } }) => JSON.stringify(body)),
          newest.map(({ heartbeat: { facts } }) => (facts === undefined ? null : JSON.stringify(facts))),
          newest.map(({ heartbeat }) => heartbeat.firmware_version ?? null),
          newest.map(({ heartbeat }) => heartbeat.agent_version ?? null),
          newest.map(skewOf),
        ],
      );
    },

    async appendChanges(changes) {
      if (changes.length === 0) return;
      await orm.insert(presenceEvents).values(
        changes.map(({ deviceId, orgId, at, from, to, reason, sessionEpoch }) => ({
          ...{ deviceId, organizationId: orgId, at, from, to, sessionEpoch },
          reason: reason.slice(0, MAX_REASON),
        })),
      );
    },

    lockSilent: (deadline, limit) =>
      rows<StateRow>(
        // `since` counts too: a device that has just said hello gets its time to beat.
        `SELECT ${STATE_COLUMNS} FROM ${STATE_TABLES}
         WHERE p.observation IN ('online', 'degraded', 'error')
           AND greatest(p.last_heartbeat_at, p.since) < $1
         ORDER BY p.device_id LIMIT $2
         FOR KEY SHARE OF d SKIP LOCKED FOR UPDATE OF p SKIP LOCKED`,
        [deadline, limit],
      ),

    async events(orgId, deviceId, { from, to }, request) {
      const page = openPage(
        {
          parts: [
            { key: presenceEvents.at, kind: 'time' },
            { key: presenceEvents.id, kind: 'number' },
          ],
          descending: true,
          boundTo: ['presence', orgId, deviceId, from, to],
        },
        request,
      );
      const matches = and(
        eq(presenceEvents.organizationId, orgId),
        eq(presenceEvents.deviceId, deviceId),
        from === undefined ? undefined : gte(presenceEvents.at, from),
        to === undefined ? undefined : lt(presenceEvents.at, to),
      );
      const found = await orm
        .select({
          deviceId: presenceEvents.deviceId,
          orgId: presenceEvents.organizationId,
          at: presenceEvents.at,
          from: presenceEvents.from,
          to: presenceEvents.to,
          reason: presenceEvents.reason,
          sessionEpoch: presenceEvents.sessionEpoch,
          cursorKeys: page.cursorKeys,
        })
        .from(presenceEvents)
        .where(and(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(presenceEvents, matches);
      return page.close(found, total, ({ cursorKeys: _, ...change }) => change);
    },

    async snapshot(orgId, deviceId) {
      const [row] = await rows<SnapshotRow>(
        `SELECT ${STATE_COLUMNS}, p.heartbeat, p.facts, p.clock_skew_ms::float8 AS "clockSkewMs" FROM ${STATE_TABLES}
         WHERE d.organization_id = $1 AND d.id = $2`,
        [orgId, deviceId],
      );
      return row === undefined ? null : toSnapshot(row);
    },

    top(scope, metric, since, limit) {
      const { condition, parameters } = deviceScopeSql(OWNER, scope, 3);
      return rows<{ deviceId: string; deviceName: string; status: DeviceStatus; value: number }>(
        `SELECT d.id AS "deviceId", d.device_name AS "deviceName", d.status, ${TOP_METRICS[metric].value} AS value
         FROM device_presence p JOIN edge_devices d ON d.id = p.device_id
         WHERE p.last_heartbeat_at >= $1 AND ${condition}
           AND ${TOP_METRICS[metric].value} IS NOT NULL
         ORDER BY ${TOP_METRICS[metric].rank} DESC, d.device_name, d.id LIMIT $2`,
        [since, Math.min(limit, MAX_TOP), ...parameters],
      );
    },

    async outboxTotals(scope, since) {
      const { condition, parameters } = deviceScopeSql(OWNER, scope, 2);
      const outbox = (field: string) => `(p.heartbeat #>> '{outbox,${field}}')::float8`;
      const [totals] = await rows<Awaited<ReturnType<PresenceStore['outboxTotals']>>>(
        `SELECT count(*) FILTER (WHERE ${outbox('records')} > 0)::float8 AS "devicesWithBacklog",
                coalesce(sum(${outbox('records')}), 0) AS records, coalesce(sum(${outbox('bytes')}), 0) AS bytes,
                coalesce(sum(${outbox('dropped')}), 0) AS dropped
         FROM device_presence p JOIN edge_devices d ON d.id = p.device_id
         WHERE p.last_heartbeat_at >= $1 AND ${condition}`,
        [since, ...parameters],
      );
      return totals ?? { devicesWithBacklog: 0, records: 0, bytes: 0, dropped: 0 };
    },

    flushLastSeen: () =>
      count(
        `WITH due AS (
           SELECT d.id, p.last_heartbeat_at FROM edge_devices d JOIN device_presence p ON p.device_id = d.id
           WHERE p.last_heartbeat_at > coalesce(d.last_seen, '-infinity')
           ORDER BY d.id FOR NO KEY UPDATE OF d SKIP LOCKED
         )
         UPDATE edge_devices d SET last_seen = due.last_heartbeat_at FROM due WHERE d.id = due.id`,
      ),
  };
}

/** Each address once; what is no UUID names no device. */
function wantedColumns(addresses: readonly { org: string; device: string }[]): [string[], string[]] {
  const wanted = new Map(addresses.map((address) => [`${address.org} ${address.device}`, address]));
  const known = [...wanted.values()].filter(({ device }) => isDeviceId(device));
  return [known.map(({ org }) => org), known.map(({ device }) => device)];
}

/** A body of an older version of the contract counts as none; the next beat replaces it. */
function toSnapshot(row: SnapshotRow): PresenceSnapshot {
  const decoded = decodeValue(Heartbeat, row.heartbeat);
  return { ...row, heartbeat: decoded.ok ? decoded.value : null };
}

/** Device clock minus ours, in whole milliseconds; null where the beat does not say its time. */
function skewOf({ heartbeat: { sent_at }, receivedAt }: HeartbeatRow): number | null {
  const skewMs = Date.parse(sent_at ?? '') - receivedAt.getTime();
  return Number.isNaN(skewMs) ? null : skewMs;
}

/** Facts come with the first beat of a session only, so those of an older beat in the batch are kept. */
function newestOfEach(beats: readonly HeartbeatRow[]): HeartbeatRow[] {
  const newest = new Map<string, HeartbeatRow>();
  for (const beat of beats) {
    const other = newest.get(beat.deviceId);
    if (other === undefined) {
      newest.set(beat.deviceId, beat);
      continue;
    }
    const [older, newer] = beat.receivedAt >= other.receivedAt ? [other, beat] : [beat, other];
    const facts = newer.heartbeat.facts ?? older.heartbeat.facts;
    const heartbeat = facts === undefined ? newer.heartbeat : { ...newer.heartbeat, facts };
    newest.set(beat.deviceId, { ...newer, heartbeat });
  }
  return [...newest.values()];
}
