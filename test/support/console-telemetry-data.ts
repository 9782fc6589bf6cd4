/** Generated measurements, log lines, dead letters and settings for the console's fixture server; the same each time. */
import { LOG_LEVELS, type LogLevel } from '#contract';
import type {
  CatalogueEntry,
  Dashboard,
  DeadLetterView,
  DeviceView,
  LogView,
  MetricTypeView,
  SeriesReply,
  SeriesView,
  TelemetrySettingsView,
} from '#web-api';
import { DEFAULT_RETENTION_DAYS } from '#web-api';
import { iso } from './console-data.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const GIB = 1024 ** 3;

interface Known {
  readonly type: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, { unit: string | null; base: number; swing: number }>>;
}
const gauge = (unit: string | null, base: number, swing: number) => ({ unit, base, swing });
const KNOWN: readonly Known[] = [
  { type: 'cpu', labels: {}, fields: { percent: gauge('percent', 42, 24), load1: gauge('count', 3.1, 1.6) } },
  {
    type: 'cpu_core',
    labels: {},
    fields: Object.fromEntries(
      Array.from({ length: 8 }, (_, core) => [String(core), gauge('percent', 30 + 5 * core, 20)]),
    ),
  },
  {
    type: 'memory',
    labels: {},
    fields: {
      percent: gauge('percent', 68, 9),
      used_bytes: gauge('bytes', 21 * GIB, 3 * GIB),
      total_bytes: gauge('bytes', 32 * GIB, 0),
    },
  },
  ...['/', '/var'].map((mount, index) => ({
    type: 'disk',
    labels: { mount },
    fields: {
      percent: gauge('percent', 55 + 24 * index, 2),
      used_bytes: gauge('bytes', (110 + 300 * index) * GIB, 2 * GIB),
    },
  })),
  {
    type: 'network',
    labels: { interface: 'eth0' },
    fields: {
      received_bytes_per_second: gauge('bytes/s', 2_400_000, 2_000_000),
      sent_bytes_per_second: gauge('bytes/s', 640_000, 500_000),
    },
  },
  ...['0', '1'].map((gpu, index) => ({
    type: 'gpu',
    labels: { gpu, name: 'NVIDIA L4' },
    fields: {
      utilization: gauge('percent', 60 + 15 * index, 25),
      memory_used: gauge('MiB', 14_000, 2500),
      temperature: gauge('celsius', 61 + 4 * index, 8),
    },
  })),
  {
    type: 'process',
    labels: { service: 'vllm' },
    fields: { cpu_percent: gauge('percent', 220, 90), memory_bytes: gauge('bytes', 9 * GIB, GIB) },
  },
  {
    type: 'inference',
    labels: { model: 'llama-3' },
    fields: {
      tokens_per_second: gauge('tokens/s', 84, 30),
      queue_length: gauge('count', 4, 4),
    },
  },
];

export const catalogue = (nowMs: number): CatalogueEntry[] =>
  KNOWN.map(({ type, labels, fields }) => ({
    metric_type: type,
    labels: { ...labels },
    last_at: iso(nowMs - 5000),
    fields: Object.entries(fields).map(([name, { unit }]) => ({ name, unit, kind: 'gauge' })),
  }));

/** A wave with noise that depends on nothing but the instant and the series. */
function valueAt(atMs: number, base: number, swing: number, seed: number): number {
  const slow = Math.sin(atMs / (17 * MINUTE_MS) + seed);
  const fast = Math.sin(atMs / 41_000 + seed * 3) * 0.4 + Math.sin(atMs / 7919 + seed * 7) * 0.25;
  return Math.max(0, base + (swing * (slow + fast)) / 1.65);
}

const BUCKETS_SECONDS = [60, 300, 900, 3600, 86_400] as const;

/** With a gap in the middle of every stretch that is longer than a quarter of an hour. */
export function series(query: URLSearchParams, device: DeviceView, nowMs: number): SeriesReply {
  const toMs = Date.parse(query.get('to') ?? iso(nowMs));
  const fromMs = Date.parse(query.get('from') ?? iso(toMs - HOUR_MS));
  const bucketSeconds =
    toMs - fromMs <= HOUR_MS
      ? null
      : (BUCKETS_SECONDS.find((seconds) => (toMs - fromMs) / 1000 / seconds <= 500) ?? 86_400);
  const stepMs = bucketSeconds === null ? 10_000 : bucketSeconds * 1000;
  const seed = Number.parseInt(device.id.slice(-4), 16);
  const wanted = KNOWN.filter(({ type }) => type === query.get('metric_type'));
  const found = wanted.flatMap(({ type, labels, fields }, place) =>
    Object.entries(fields).map(([field, { unit, base, swing }], index): SeriesView => {
      const shown: SeriesView = {
        device_id: device.id,
        device_name: device.device_name,
        metric_type: type,
        field,
        labels: { ...labels },
        unit,
        t: [],
        v: [],
        min: [],
        max: [],
      };
      const gapFromMs = fromMs + (toMs - fromMs) * 0.44;
      const gapToMs = fromMs + (toMs - fromMs) * 0.5;
      for (let atMs = Math.ceil(fromMs / stepMs) * stepMs; atMs <= Math.min(toMs, nowMs); atMs += stepMs) {
        if (atMs > gapFromMs && atMs < gapToMs) {
          if (shown.v.at(-1) !== null) {
            shown.t.push(atMs);
            for (const column of [shown.v, shown.min, shown.max]) column.push(null);
          }
          continue;
        }
        const value = valueAt(atMs, base, swing, seed + place * 1.3 + index * 0.7);
        shown.t.push(atMs);
        shown.v.push(value);
        shown.min.push(bucketSeconds === null ? value : value - swing * 0.3);
        shown.max.push(bucketSeconds === null ? value : value + swing * 0.45);
      }
      return shown;
    }),
  );
  return {
    from: iso(fromMs),
    to: iso(toMs),
    resolution: bucketSeconds === null ? 'raw' : '1m',
    bucket_seconds: bucketSeconds,
    aggregation: 'mean',
    series: found,
    truncated: false,
  };
}

export const LOG_SERVICES = ['vllm', 'open-webui', 'node-exporter', 'edge-agent'] as const;
const MESSAGES = [
  'GET /v1/chat/completions 200 in 412 ms, 318 tokens',
  'KV cache is 92 % full; evicting the oldest sequences',
  'scrape finished: 214 series',
  'Traceback (most recent call last):\n  File "engine.py", line 212, in step\n    raise RuntimeError("CUDA out of memory")\nRuntimeError: CUDA out of memory',
  '\u001b[32mINFO\u001b[0m model loaded in 11.4 s',
  'session 4f1c opened for user 17',
  'heartbeat accepted',
] as const;
const LEVELS: readonly LogLevel[] = ['info', 'warning', 'debug', 'error', 'info', 'info', 'debug'];

/** The line of this number; the newest has the highest. */
export function logLine(index: number, device: DeviceView, newestMs: number, newest: number): LogView {
  const atMs = newestMs - (newest - index) * 700;
  return {
    id: `L${index}`,
    device_id: device.id,
    device_name: device.device_name,
    timestamp: iso(atMs),
    received_at: iso(atMs + 380),
    log_level: index % 97 === 96 ? 'critical' : (LEVELS[index % LEVELS.length] ?? 'info'),
    service_name: LOG_SERVICES[index % LOG_SERVICES.length] ?? 'vllm',
    message: `${MESSAGES[index % MESSAGES.length] ?? ''}${index % 7 === 3 ? '' : ` #${index}`}`,
    metadata: index % 7 === 3 ? { unit: 'vllm.service', pid: 4120, truncated: false } : null,
  };
}

export const isLevel = (text: string): text is LogLevel => LOG_LEVELS.some((level) => level === text);

export function dashboard(devices: readonly DeviceView[], nowMs: number): Dashboard {
  const tally = (keyOf: (device: DeviceView) => string) => {
    const counts: Record<string, number> = {};
    for (const device of devices) counts[keyOf(device)] = (counts[keyOf(device)] ?? 0) + 1;
    return counts;
  };
  const top = (base: number, step: number, length = 5) =>
    devices.slice(0, length).map((device, index) => ({
      device_id: device.id,
      device_name: device.device_name,
      status: device.status,
      value: base - index * step,
    }));
  return {
    total: devices.length,
    by_status: tally(({ status }) => status),
    by_type: tally(({ device_type }) => device_type),
    top: {
      cpu_percent: top(97.2, 6.1),
      memory_percent: top(94.5, 3.3),
      disk_percent: top(91, 8),
      gpu_percent: top(99, 11, 3),
    },
    outboxes: {
      devices_with_backlog: devices.length === 0 ? 0 : 3,
      records: devices.length === 0 ? 0 : 48_210,
      bytes: devices.length === 0 ? 0 : 9_642_000,
      dropped: devices.length === 0 ? 0 : 120,
      worst: top(41_200, 17_400, 3),
    },
    skewed_clocks: top(420_000, 640_000, 2),
    ingest: {
      minutes: Array.from({ length: 60 }, (_, index) => {
        const wave = Math.round(40 * Math.sin(index / 7) + 25 * Math.sin(index * 2.1));
        const isQuiet = devices.length === 0;
        return {
          at: iso(Math.floor(nowMs / MINUTE_MS) * MINUTE_MS - (59 - index) * MINUTE_MS),
          messages: isQuiet ? 0 : 480 + wave,
          points: isQuiet ? 0 : 4800 + wave * 10,
          log_lines: isQuiet ? 0 : 1260 + wave * 6,
          dead_letters: !isQuiet && index % 19 === 7 ? 3 : 0,
          duplicates: !isQuiet && index % 23 === 5 ? 12 : 0,
          lag_ms_max: isQuiet ? null : 900 + wave * 6,
          commit_ms_max: isQuiet ? null : 46 + Math.abs(wave) / 3,
        };
      }),
      dead_letters_24h: devices.length === 0 ? 0 : 61,
      errors_24h: devices.length === 0 ? 0 : 1204,
      rollup_lag_seconds: 240,
    },
  };
}

const REASONS = [
  'records[3].value.temperature: not a number',
  'records[0].timestamp: more than a day ahead',
  'metric type is not declared: fan_speed',
  'not JSON: unexpected end at 4096',
] as const;

export const deadLetters = (devices: readonly DeviceView[], nowMs: number): DeadLetterView[] =>
  devices.length === 0
    ? []
    : Array.from({ length: 61 }, (_, index) => {
        const device = devices[index % Math.min(devices.length, 6)];
        return {
          id: 61 - index,
          received_at: iso(nowMs - index * 13 * MINUTE_MS),
          device_id: device?.id ?? null,
          device_name: device?.device_name ?? null,
          channel: index % 3 === 0 ? 'logs' : 'metrics',
          topic: `edge/v1/acme/${device?.id}/up/${index % 3 === 0 ? 'logs' : 'metrics'}`,
          reason: REASONS[index % REASONS.length] ?? '',
          sample:
            '{"boot_id":"0c8f6a52","seq":41,"records":[{"metric_type":"gpu","value":{"temperature":"hot"}}]}',
        };
      });

export const telemetrySettings = (nowMs: number): TelemetrySettingsView => ({
  version: 4,
  updated_at: iso(nowMs - 3 * HOUR_MS),
  updated_by: 'ada@acme.example',
  metrics: { interval_seconds: 10, aggregate_seconds: 60 },
  logs: { min_level: 'info' },
  retention_days: { ...DEFAULT_RETENTION_DAYS },
  unknown_metrics: 'declare',
  redaction: { rules: [{ name: 'badge', pattern: 'BADGE-[0-9]{6}' }], disabled_builtin: ['email'] },
  builtin_redaction: [
    { name: 'jwt', doc: 'JSON Web Tokens' },
    { name: 'private-key', doc: 'PEM private keys' },
    { name: 'cloud-key', doc: 'AWS, GCP and Azure keys' },
    { name: 'card', doc: 'Card numbers with a right check digit' },
    { name: 'email', doc: 'E-mail addresses' },
    { name: 'url-password', doc: 'Passwords in URLs' },
  ],
});

export const metricTypes = (nowMs: number): MetricTypeView[] => [
  {
    name: 'cpu',
    origin: 'builtin',
    description: 'All cores together',
    unit: null,
    kind: 'gauge',
    allowed_labels: [],
    max_series: 100,
    first_seen_at: null,
  },
  {
    name: 'inference',
    origin: 'declared',
    description: 'What the model server does',
    unit: 'tokens/s',
    kind: 'gauge',
    allowed_labels: ['model'],
    max_series: 20,
    first_seen_at: iso(nowMs - 400 * HOUR_MS),
  },
  {
    name: 'door_openings',
    origin: 'seen',
    description: null,
    unit: null,
    kind: 'counter',
    allowed_labels: null,
    max_series: 100,
    first_seen_at: iso(nowMs - 20 * HOUR_MS),
  },
];

export const NEWEST_LOG = 4000;
