/** Measurements of a device: one record shape for MQTT batches and for HTTPS (SD-E11). */
import { type Static, Type } from 'typebox';
import { BATCH_FIELDS, MAX_BATCH_RECORDS } from './batch.ts';

/** Types that the agent itself measures; their fields and units: metric-catalogue.ts. */
export const METRIC_TYPES = [
  'cpu',
  'cpu_core',
  'memory',
  'disk',
  'network',
  'gpu',
  'process',
  'agent',
] as const;

export const MAX_METRIC_FIELDS = 64;
export const MAX_METRIC_LABELS = 8;

/** Labels tell the series of one type apart: the mount of a disk, the name of an interface. */
export const MetricLabels = Type.Record(
  Type.String({ pattern: '^[a-zA-Z_][a-zA-Z0-9_]{0,39}$' }),
  Type.String({ maxLength: 100 }),
  { maxProperties: MAX_METRIC_LABELS, description: 'E.g. mount, interface, gpu.' },
);
export type MetricLabels = Static<typeof MetricLabels>;

export const MetricType = Type.String({
  pattern: '^[a-z][a-z0-9_.-]{0,49}$',
  description: 'cpu, memory, disk, network, gpu, or a name of the device’s own.',
});

const Bounds = Type.Record(Type.String({ minLength: 1, maxLength: 100 }), Type.Number(), {
  maxProperties: MAX_METRIC_FIELDS,
});

export const MetricRecord = Type.Object({
  timestamp: Type.String({ format: 'date-time', description: 'Device clock, UTC.' }),
  metric_type: MetricType,
  value: Type.Record(
    Type.String({ minLength: 1, maxLength: 100 }),
    Type.Union([Type.Number(), Type.String({ maxLength: 200 }), Type.Boolean(), Type.Null()]),
    {
      minProperties: 1,
      maxProperties: MAX_METRIC_FIELDS,
      description: 'Flat fields, e.g. percent, used_bytes, utilization, temperature. Numbers are drawn.',
    },
  ),
  labels: Type.Optional(MetricLabels),
  aggregate: Type.Optional(
    Type.Object(
      {
        seconds: Type.Integer({ minimum: 1, maximum: 86_400, description: 'Window that ends at timestamp.' }),
        count: Type.Integer({ minimum: 1, description: 'Samples in the window.' }),
        min: Bounds,
        max: Bounds,
      },
      { description: 'Made of several samples on the device: `value` holds their means (SD-B4).' },
    ),
  ),
});
export type MetricRecord = Static<typeof MetricRecord>;

export const MetricsBatch = Type.Object(
  {
    ...BATCH_FIELDS,
    records: Type.Array(MetricRecord, { minItems: 1, maxItems: MAX_BATCH_RECORDS }),
  },
  {
    title: 'MetricsBatch',
    examples: [
      {
        boot_id: '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d',
        seq: 1,
        records: [
          { timestamp: '2026-11-23T06:00:00Z', metric_type: 'cpu', value: { percent: 45.2, cores: 32 } },
          {
            timestamp: '2026-11-23T06:00:00Z',
            metric_type: 'gpu',
            labels: { gpu: '0' },
            value: { utilization: 89.5, memory_used: 28672, temperature: 72 },
          },
        ],
      },
    ],
  },
);
export type MetricsBatch = Static<typeof MetricsBatch>;
