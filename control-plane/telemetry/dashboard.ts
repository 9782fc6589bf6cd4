/** The fleet at a glance: who is there, who works hardest, what ingest takes in, what waits on devices. */
import { type Database, type IngestMinute, isGroupedScope, type PresenceStore } from '#db';
import type { Dashboard, QueryOf } from '#web-api';
import { deviceScope } from '../access/permit.ts';
import type { Person } from '../use-cases.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const TOP_DEVICES = 5;
/** Older beats say nothing of now. */
const HEARD_WITHIN_MS = 5 * MINUTE_MS;
/** From here on a device's times are corrected and flagged (DESIGN 6.3). */
const SKEW_MS = 120_000;

type Minute = Omit<IngestMinute, 'orgId'>;
type Top = Awaited<ReturnType<PresenceStore['top']>>;

export async function readDashboard(
  database: Database,
  person: Person,
  query: QueryOf<'dashboard.get'>,
  now: Date,
): Promise<Dashboard> {
  const found = await deviceScope(database.organizations, person, 'telemetry.read', query.org_id);
  const scope = typeof found === 'string' ? [found] : found;
  // Ingest is counted by organisation: a role that is limited to groups sees none of it.
  const orgIds = isGroupedScope(scope) ? scope.orgIds : scope;
  const heardSince = new Date(now.getTime() - HEARD_WITHIN_MS);
  const dayAgo = new Date(now.getTime() - DAY_MS);
  const top = (metric: Parameters<PresenceStore['top']>[1]) =>
    database.presence.top(scope, metric, heardSince, TOP_DEVICES);
  const [summary, cpu, memory, disk, gpu, outboxes, worst, skewed, minutes, errors, lag] = await Promise.all([
    database.devices.summary(scope),
    top('cpu_percent'),
    top('memory_percent'),
    top('disk_percent'),
    top('gpu_percent'),
    database.presence.outboxTotals(scope, heardSince),
    top('outbox_records'),
    top('clock_skew_ms'),
    database.telemetry.minutes(orgIds, dayAgo, new Date(now.getTime() + MINUTE_MS)),
    database.logs.countErrors(scope, dayAgo),
    person.isSystemAdmin ? database.series.rollupLagSeconds(now) : null,
  ]);
  return {
    total: summary.total,
    by_status: summary.byStatus,
    by_type: summary.byType,
    top: {
      cpu_percent: cpu.map(topDevice),
      memory_percent: memory.map(topDevice),
      disk_percent: disk.map(topDevice),
      gpu_percent: gpu.map(topDevice),
    },
    outboxes: {
      devices_with_backlog: outboxes.devicesWithBacklog,
      records: outboxes.records,
      bytes: outboxes.bytes,
      dropped: outboxes.dropped,
      worst: worst.filter(({ value }) => value > 0).map(topDevice),
    },
    skewed_clocks: skewed.filter(({ value }) => Math.abs(value) >= SKEW_MS).map(topDevice),
    ingest: {
      minutes: lastHour(minutes, now),
      dead_letters_24h: minutes.reduce((sum, { deadLetters }) => sum + deadLetters, 0),
      errors_24h: errors,
      rollup_lag_seconds: lag === null ? null : Math.round(lag),
    },
  };
}

/** One entry for each of the last 60 minutes, the present one last; minutes in which nothing came are zeros. Pure. */
export function lastHour(minutes: readonly Minute[], now: Date): Dashboard['ingest']['minutes'] {
  const byTime = new Map(minutes.map((minute) => [minute.at.getTime(), minute]));
  const present = Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS;
  return Array.from({ length: HOUR_MS / MINUTE_MS }, (_, index) => {
    const atMs = present - HOUR_MS + (index + 1) * MINUTE_MS;
    const minute = byTime.get(atMs);
    return {
      at: new Date(atMs).toISOString(),
      messages: minute?.messages ?? 0,
      points: minute?.points ?? 0,
      log_lines: minute?.logLines ?? 0,
      dead_letters: minute?.deadLetters ?? 0,
      duplicates: minute?.duplicates ?? 0,
      lag_ms_max: minute?.lagMsMax ?? null,
      commit_ms_max: minute?.commitMsMax ?? null,
    };
  });
}

const topDevice = ({ deviceId, deviceName, status, value }: Top[number]) => ({
  device_id: deviceId,
  device_name: deviceName,
  status,
  value,
});
