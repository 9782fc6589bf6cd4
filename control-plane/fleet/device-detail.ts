/** Everything that the page of one device shows (SD-E3). */
import type { Certificate, Database, Device, PresenceSnapshot } from '#db';
import type { DeviceDetail } from '#web-api';
import { type ActiveConfiguration, activeConfiguration } from '../secrets/configuration-body.ts';
import type { SecretBox } from '../secrets/secret-box.ts';
import { certificateView, deviceView } from './device-view.ts';

/** An hour of a beat's five kinds of measurement would be 600; the page draws the last few minutes. */
const RECENT_METRICS = 100;

/** What the stores know beside the device's own row. */
export interface DetailParts {
  readonly snapshot: PresenceSnapshot | null;
  readonly config: ActiveConfiguration | null;
  readonly metrics: Awaited<ReturnType<Database['series']['recent']>>;
  readonly certificates: readonly Certificate[];
  /** That the person may know of. */
  readonly groups: readonly { readonly id: string; readonly name: string }[];
}

export async function readDetailParts(
  { database, secretBox }: { readonly database: Database; readonly secretBox: SecretBox },
  { orgId, id }: Pick<Device, 'orgId' | 'id'>,
): Promise<DetailParts> {
  const [snapshot, config, metrics, certificates, groups] = await Promise.all([
    database.presence.snapshot(orgId, id),
    activeConfiguration({ database, secretBox }, orgId, id),
    database.series.recent(orgId, id, RECENT_METRICS),
    database.certificates.ofDevice(orgId, id),
    database.groups.ofDevice(orgId, id),
  ]);
  return { snapshot, config, metrics, certificates, groups };
}

/** Pure. A device that never spoke has empty facts, and version 0 of its configuration. */
export function deviceDetail(device: Device, parts: DetailParts, now: Date): DeviceDetail {
  const { snapshot, config } = parts;
  const heartbeat = snapshot?.heartbeat ?? null;
  return {
    ...deviceView(device),
    facts: { ...snapshot?.facts },
    metadata: { ...device.metadata },
    uptime_seconds: heartbeat?.uptime ?? null,
    services: heartbeat?.services ?? [],
    metrics: heartbeat?.metrics ?? {},
    session_epoch: snapshot === null || snapshot.sessionEpoch === 0 ? null : snapshot.sessionEpoch,
    observation_since: snapshot?.since?.toISOString() ?? null,
    last_goodbye_reason: snapshot?.goodbyeReason ?? null,
    outbox: heartbeat?.outbox ?? null,
    clock_skew_ms: snapshot?.clockSkewMs ?? null,
    current_config: {
      config_version: config?.version ?? 0,
      config_data: config?.data ?? {},
      applied_at: config?.appliedAt?.toISOString() ?? null,
    },
    recent_metrics: parts.metrics.map(({ timestamp, metricType, value }) => ({
      timestamp: timestamp.toISOString(),
      metric_type: metricType,
      value,
    })),
    certificates: parts.certificates.map((certificate) => certificateView(certificate, now)),
    groups: [...parts.groups],
  };
}
