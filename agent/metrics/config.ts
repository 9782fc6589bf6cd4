/** The `metrics` part of telemetry.json: which ways in are open on this machine, and what may come through them. */
import { type Static, Type } from 'typebox';
import { decodeValue, MAX_METRIC_LABELS, METRIC_KINDS } from '#contract';
import { AgentError } from '../errors.ts';

/** Series of custom metrics that a device may have at once. */
export const DEFAULT_MAX_SERIES = 500;
/** More series cost the platform rows for ever. */
const MAX_MAX_SERIES = 10_000;
/** Custom records a second over all ways in; a burst of ten seconds is taken. */
export const DEFAULT_RECORDS_PER_SECOND = 200;
export const MAX_DECLARED = 200;
const MAX_SCRAPES = 16;
export const STATSD_PORT = 8125;
/** A Unix socket's address has room for 107 bytes. */
export const MAX_SOCKET_PATH = 100;

const Name = Type.String({ minLength: 1, maxLength: 200 });
const LabelName = Type.String({ pattern: '^[a-zA-Z_][a-zA-Z0-9_]{0,39}$' });
const AbsolutePath = (maxLength: number) => Type.String({ pattern: '^/', maxLength });

/** A custom metric that is known beforehand: its unit, its kind, and the labels that it may carry. */
export const Declaration = Type.Object({
  name: Name,
  unit: Type.Optional(Type.String({ maxLength: 20, description: 'E.g. celsius, bytes, count.' })),
  kind: Type.Optional(Type.Enum([...METRIC_KINDS], { default: 'gauge' })),
  labels: Type.Optional(
    Type.Array(LabelName, {
      maxItems: MAX_METRIC_LABELS,
      uniqueItems: true,
      description: 'Every label that it may carry; default: none.',
    }),
  ),
  max_series: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_MAX_SERIES })),
});
export type Declaration = Static<typeof Declaration>;

const SocketConfig = Type.Object({
  path: Type.Optional(AbsolutePath(MAX_SOCKET_PATH)),
  group: Type.Optional(
    Type.String({
      pattern: '^[a-z_][a-z0-9_-]{0,31}$',
      description: 'Group that may write; default: our own.',
    }),
  ),
});
export type SocketConfig = Static<typeof SocketConfig>;

const StatsdConfig = Type.Object({
  host: Type.Optional(
    Type.String({ minLength: 1, maxLength: 100, description: 'Address to listen on; default 127.0.0.1.' }),
  ),
  port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535, description: 'Default 8125.' })),
});
export type StatsdConfig = Static<typeof StatsdConfig>;

/** `*` stands for any characters. */
const NameGlobs = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 50 });

export const ScrapeConfig = Type.Object({
  url: Type.String({ pattern: '^https?://[^\\s]{1,500}$' }),
  interval_seconds: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 3600, description: 'Default: that of all metrics.' }),
  ),
  include: Type.Optional(NameGlobs),
  exclude: Type.Optional(NameGlobs),
  labels: Type.Optional(
    Type.Record(LabelName, Type.String({ maxLength: 100 }), {
      maxProperties: MAX_METRIC_LABELS,
      description: 'Added to every sample.',
    }),
  ),
});
export type ScrapeConfig = Static<typeof ScrapeConfig>;

const Watched = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100 }),
  pid_file: Type.Optional(AbsolutePath(4096)),
  command: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'Base name of the program or script.' }),
  ),
});

const MetricsFile = Type.Object({
  socket: Type.Optional(Type.Union([SocketConfig, Type.Literal(false)])),
  statsd: Type.Optional(Type.Union([StatsdConfig, Type.Boolean()])),
  scrape: Type.Optional(Type.Array(ScrapeConfig, { maxItems: MAX_SCRAPES })),
  declared: Type.Optional(Type.Array(Declaration, { maxItems: MAX_DECLARED })),
  undeclared: Type.Optional(Type.Enum(['accept', 'reject'])),
  processes: Type.Optional(Type.Array(Watched, { maxItems: 50 })),
  max_series: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_MAX_SERIES })),
  max_records_per_second: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
});

/** As written in telemetry.json; every part may be left out. */
export const MetricsConfig = MetricsFile;
export type MetricsConfig = Static<typeof MetricsFile>;

/** With every default in place. */
export interface ResolvedMetricsConfig {
  /** False: no socket. */
  readonly socket: SocketConfig | false;
  readonly statsd: { readonly host: string; readonly port: number } | false;
  readonly scrape: readonly ScrapeConfig[];
  readonly declared: readonly Declaration[];
  readonly undeclared: 'accept' | 'reject';
  readonly processes: readonly Static<typeof Watched>[];
  readonly maxSeries: number;
  readonly maxRecordsPerSecond: number;
}

/** Pure. */
export function resolveMetricsConfig(config: MetricsConfig): ResolvedMetricsConfig {
  const { statsd = false } = config;
  const asked = statsd === true ? {} : statsd;
  return {
    socket: config.socket ?? {},
    statsd: asked === false ? false : { host: asked.host ?? '127.0.0.1', port: asked.port ?? STATSD_PORT },
    scrape: config.scrape ?? [],
    declared: config.declared ?? [],
    undeclared: config.undeclared ?? 'accept',
    processes: config.processes ?? [],
    maxSeries: config.max_series ?? DEFAULT_MAX_SERIES,
    maxRecordsPerSecond: config.max_records_per_second ?? DEFAULT_RECORDS_PER_SECOND,
  };
}

/** @throws AgentError `usage` naming the field, e.g. `metrics.scrape.0.url`. */
export function readMetricsConfig(value: unknown): MetricsConfig {
  const decoded = decodeValue(MetricsConfig, value);
  if (!decoded.ok) throw new AgentError('usage', `metrics.${decoded.reason}`);
  const config = decoded.value;
  const odd = config.processes?.findIndex((p) => (p.pid_file === undefined) === (p.command === undefined));
  if (odd !== undefined && odd >= 0) {
    throw new AgentError('usage', `metrics.processes.${odd}: needs either pid_file or command`);
  }
  config.scrape?.forEach(({ url }, at) => {
    if (!URL.canParse(url)) throw new AgentError('usage', `metrics.scrape.${at}.url: is not a URL`);
  });
  return config;
}
