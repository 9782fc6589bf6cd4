/** Measurements and log lines as COPY takes them. Pure. */
import type { LogRow, MetricRow } from './contracts/telemetry.ts';
import { CopyBuffer } from './copy-buffer.ts';

/** Enough for most rows; the buffer grows where it is not. */
const EXPECTED_METRIC_BYTES = 220;
const EXPECTED_LOG_BYTES = 400;
const HOUR_MS = 3_600_000;

export const COPY_METRICS = `COPY device_metrics
  (device_id, organization_id, "timestamp", received_at, metric_type, metric_value, metadata, labels)
  FROM STDIN (FORMAT binary)`;

export function encodeMetrics(rows: readonly MetricRow[]): Buffer {
  const buffer = new CopyBuffer(rows.length * EXPECTED_METRIC_BYTES);
  for (const row of rows) {
    buffer.row(8);
    buffer.uuid(row.deviceId);
    buffer.uuid(row.orgId);
    buffer.time(row.atMs);
    buffer.time(row.receivedAtMs);
    buffer.text(row.metricType);
    buffer.jsonb(row.value);
    buffer.jsonb(row.metadata);
    buffer.jsonb(row.labels);
  }
  return buffer.finish();
}

export const COPY_LOGS = `COPY device_logs
  (device_id, organization_id, "timestamp", received_at, log_level, service_name, message, metadata)
  FROM STDIN (FORMAT binary)`;

export function encodeLogs(rows: readonly LogRow[]): Buffer {
  const buffer = new CopyBuffer(rows.length * EXPECTED_LOG_BYTES);
  for (const row of rows) {
    buffer.row(8);
    buffer.uuid(row.deviceId);
    buffer.uuid(row.orgId);
    buffer.time(row.atMs);
    buffer.time(row.receivedAtMs);
    buffer.text(row.level);
    buffer.text(row.service);
    buffer.text(row.message);
    buffer.jsonb(row.metadata);
  }
  return buffer.finish();
}

export interface DeviceHour {
  readonly deviceId: string;
  readonly hourMs: number;
  /** Of the newest row. */
  readonly receivedAtMs: number;
}

/** The hours that these rows lie in, by device and hour, each once. */
export function hoursOf(rows: readonly MetricRow[]): DeviceHour[] {
  const hours = new Map<string, Map<number, number>>();
  for (const { deviceId, atMs, receivedAtMs } of rows) {
    const ofDevice = hours.get(deviceId) ?? new Map<number, number>();
    hours.set(deviceId, ofDevice);
    const hourMs = Math.floor(atMs / HOUR_MS) * HOUR_MS;
    const touched = ofDevice.get(hourMs);
    if (touched === undefined || touched < receivedAtMs) ofDevice.set(hourMs, receivedAtMs);
  }
  return [...hours].flatMap(([deviceId, ofDevice]) =>
    [...ofDevice].map(([hourMs, receivedAtMs]) => ({ deviceId, hourMs, receivedAtMs })),
  );
}

export interface DeviceService {
  readonly deviceId: string;
  readonly service: string;
  readonly atMs: number;
}

/** The services of these lines with the time of the newest of each. */
export function servicesOf(rows: readonly LogRow[]): DeviceService[] {
  const services = new Map<string, DeviceService>();
  for (const { deviceId, service, atMs } of rows) {
    const key = `${deviceId} ${service}`;
    const known = services.get(key);
    if (known === undefined || known.atMs < atMs) services.set(key, { deviceId, service, atMs });
  }
  return [...services.values()];
}
