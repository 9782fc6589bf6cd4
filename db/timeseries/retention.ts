/**
 * Drops what is older than its organisation keeps it: whole chunks older than anybody's retention, and rows of
 * organisations with a shorter one, a device and a slice of time per statement, so that nothing is locked for long.
 */
import type { ClientBase } from 'pg';
import type { Dialect } from './dialect.ts';
import { effectiveDays, longestDays, type RetentionDays } from './retention-days.ts';
import { PRESENCE_DAYS, SERIES, type Series } from './series.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export async function applyRetention(client: ClientBase, dialect: Dialect, now: Date): Promise<void> {
  const ofOrgs = await retentionOfOrgs(client);
  const longest = longestDays([...ofOrgs.values()]);
  for (const series of SERIES) {
    const cutoff = cutoffOf(series, longest, now);
    await dialect.dropBefore(client, series, cutoff);
    // A chunk that also holds younger rows stays; on native partitions that is the default one above all.
    if (dialect.hasDefault) await deleteSlices(client, series, `${series.table}_default`, cutoff, null);
    for (const [orgId, days] of ofOrgs) {
      const own = cutoffOf(series, days, now);
      if (series.retention === null || own <= cutoff) continue;
      for (const deviceId of await devicesOf(client, orgId)) {
        await deleteSlices(client, series, series.table, own, deviceId);
      }
    }
  }
}

function cutoffOf({ retention }: Series, days: RetentionDays, now: Date): Date {
  return new Date(+now - (retention === null ? PRESENCE_DAYS : days[retention]) * DAY_MS);
}

async function retentionOfOrgs(client: ClientBase): Promise<Map<string, RetentionDays>> {
  const { rows } = await client.query<{ id: string; days: Partial<RetentionDays> | null }>(
    `SELECT o.id, s.retention_days AS days FROM organizations o
     LEFT JOIN telemetry_settings s ON s.organization_id = o.id`,
  );
  return new Map(rows.map(({ id, days }) => [id, effectiveDays(days ?? {})]));
}

async function devicesOf(client: ClientBase, orgId: string): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM edge_devices WHERE organization_id = $1 ORDER BY id',
    [orgId],
  );
  return rows.map(({ id }) => id);
}

/** From the oldest row on; each statement commits by itself. */
async function deleteSlices(
  client: ClientBase,
  { timeColumn, deleteHours }: Series,
  table: string,
  cutoff: Date,
  deviceId: string | null,
): Promise<void> {
  const time = `"${timeColumn}"`;
  const mine = deviceId === null ? 'true' : `device_id = '${deviceId}'`;
  for (;;) {
    const { rows } = await client.query<{ oldest: Date | null }>(
      `SELECT min(${time}) AS oldest FROM ${table} WHERE ${mine} AND ${time} < $1`,
      [cutoff],
    );
    const oldest = rows[0]?.oldest ?? null;
    if (oldest === null) return;
    const end = new Date(Math.min(+cutoff, +oldest + deleteHours * HOUR_MS));
    await client.query(`DELETE FROM ${table} WHERE ${mine} AND ${time} < $1`, [end]);
  }
}
