/** Measurements of a device: one record shape for MQTT batches and for HTTPS (SD-E11). */
import { type Static, Type } from 'typebox';

export const METRIC_TYPES = ['cpu', 'memory', 'disk', 'network', 'gpu'] as const;

/** Most records in one batch; at 200 bytes each a batch stays under the 256 KiB frame limit. */
export const MAX_BATCH_RECORDS = 1000;

export const MetricRecord = Type.Object({
  timestamp: Type.String({ format: 'date-time', description: 'Device clock, UTC.' }),
  metric_type: Type.String({
    pattern: '^[a-z][a-z0-9_.-]{0,49}$',
    description: 'cpu, memory, disk, network, gpu, or a name of the device’s own.',
  }),
  value: Type.Record(
    Type.String({ minLength: 1, maxLength: 100 }),
    Type.Union([Type.Number(), Type.String({ maxLength: 200 }), Type.Boolean(), Type.Null()]),
    {
      maxProperties: 64,
      description: 'Flat fields, e.g. percent, cores, used_bytes, utilization, temperature.',
    },
  ),
});
export type MetricRecord = Static<typeof MetricRecord>;

/**
 * A sealed batch of the outbox. `boot_id` names one numbering of batches, which start at 1 and have no gaps;
 * the content of a number never changes, so that the control plane stores each exactly once.
 */
export const MetricsBatch = Type.Object(
  {
    boot_id: Type.String({ pattern: '^[0-9a-zA-Z-]{8,64}$' }),
    seq: Type.Integer({ minimum: 1 }),
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
            value: { utilization: 89.5, memory_used: 28672, temperature: 72 },
          },
        ],
      },
    ],
  },
);
export type MetricsBatch = Static<typeof MetricsBatch>;
