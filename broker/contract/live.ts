/** Looking at a device live: leases that viewers hold, and what the device streams while one is held (SEMANTICS 4.5.6). */
import { type Static, Type } from 'typebox';
import { LOG_LEVELS, LogRecord } from './logs.ts';
import { MetricRecord } from './metrics.ts';

/** A viewer renews this often … */
export const LEASE_RENEW_MS = 5000;
/** … and a device stops this long after the last renewal. */
export const LEASE_TTL_MS = 12_500;
/** Leases that a device keeps at once; more are ignored. */
export const MAX_LEASES = 8;

export const LIVE_STREAMS = ['logs', 'metrics'] as const;
export type LiveStream = (typeof LIVE_STREAMS)[number];

/** Down: starts or renews a lease, or ends it with `ttl_ms` 0. */
export const Control = Type.Object(
  {
    kind: Type.Enum(['lease']),
    lease_id: Type.String({ pattern: '^[0-9a-zA-Z-]{8,64}$' }),
    stream: Type.Enum([...LIVE_STREAMS]),
    ttl_ms: Type.Integer({ minimum: 0, maximum: 60_000 }),
    min_level: Type.Optional(Type.Enum([...LOG_LEVELS])),
    replay: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 500, description: 'Lines of its buffer to send first.' }),
    ),
    interval_ms: Type.Optional(
      Type.Integer({ minimum: 1000, maximum: 30_000, description: 'Between two looks at the machine.' }),
    ),
  },
  {
    title: 'Control',
    examples: [{ kind: 'lease', lease_id: '7f1e4a52-0001', stream: 'logs', ttl_ms: 12500, replay: 100 }],
  },
);
export type Control = Static<typeof Control>;

const LIVE_FIELDS = {
  seq: Type.Integer({ minimum: 1, description: 'Counts the messages of this stream since its first lease.' }),
  skipped: Type.Integer({ minimum: 0, description: 'Records left out since the message before: too many.' }),
};

/** Up, QoS 0, never stored: history comes from the database. */
export const LiveLogs = Type.Object(
  { ...LIVE_FIELDS, records: Type.Array(LogRecord, { maxItems: 500 }) },
  {
    title: 'LiveLogs',
    examples: [
      {
        seq: 1,
        skipped: 0,
        records: [
          {
            timestamp: '2026-11-23T06:00:00Z',
            log_level: 'info',
            service_name: 'vllm',
            message: 'model loaded',
          },
        ],
      },
    ],
  },
);
export type LiveLogs = Static<typeof LiveLogs>;

export const LiveMetrics = Type.Object(
  { ...LIVE_FIELDS, records: Type.Array(MetricRecord, { maxItems: 500 }) },
  {
    title: 'LiveMetrics',
    examples: [
      {
        seq: 1,
        skipped: 0,
        records: [{ timestamp: '2026-11-23T06:00:00Z', metric_type: 'cpu', value: { percent: 45.2 } }],
      },
    ],
  },
);
export type LiveMetrics = Static<typeof LiveMetrics>;
