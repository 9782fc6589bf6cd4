/** Log lines and events of a device: one record shape each, for MQTT batches and for HTTPS (SD-T5, SD-E14). */
import { type Static, Type } from 'typebox';
import { BATCH_FIELDS, MAX_BATCH_RECORDS } from './batch.ts';

/** From the least to the most severe. */
export const LOG_LEVELS = ['debug', 'info', 'warning', 'error', 'critical'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Longest message that is stored; the agent cuts longer ones and says so in metadata.truncated_bytes. */
export const MAX_LOG_MESSAGE = 16_384;

export const LogMetadata = Type.Record(
  Type.String({ minLength: 1, maxLength: 60 }),
  Type.Union([Type.Number(), Type.String({ maxLength: 1000 }), Type.Boolean(), Type.Null()]),
  { maxProperties: 32 },
);

const LogLevelField = Type.Enum([...LOG_LEVELS]);
const Time = Type.String({ format: 'date-time', description: 'Device clock, UTC.' });

export const LogRecord = Type.Object({
  timestamp: Time,
  log_level: LogLevelField,
  service_name: Type.String({ minLength: 1, maxLength: 100 }),
  message: Type.String({
    maxLength: MAX_LOG_MESSAGE,
    description: 'One record, also where it has several lines.',
  }),
  metadata: Type.Optional(LogMetadata),
});
export type LogRecord = Static<typeof LogRecord>;

/** What the agent itself has to say: starts, restarts of services, records given up, jumps of the clock. */
export const EventRecord = Type.Object({
  timestamp: Time,
  kind: Type.String({ pattern: '^[a-z][a-z0-9_.-]{0,49}$', description: 'E.g. service.restarted.' }),
  log_level: LogLevelField,
  message: Type.String({ maxLength: 2000 }),
  metadata: Type.Optional(LogMetadata),
});
export type EventRecord = Static<typeof EventRecord>;

/** Events are stored and read as log lines of this service, with `metadata.event` = kind. */
export const EVENT_SERVICE = 'edge-agent';

const example = { boot_id: '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d', seq: 1 };

export const LogsBatch = Type.Object(
  { ...BATCH_FIELDS, records: Type.Array(LogRecord, { minItems: 1, maxItems: MAX_BATCH_RECORDS }) },
  {
    title: 'LogsBatch',
    examples: [
      {
        ...example,
        records: [
          {
            timestamp: '2026-11-23T06:00:00Z',
            log_level: 'warning',
            service_name: 'vllm',
            message: 'KV cache is 92 % full',
            metadata: { unit: 'vllm.service' },
          },
        ],
      },
    ],
  },
);
export type LogsBatch = Static<typeof LogsBatch>;

export const EventsBatch = Type.Object(
  { ...BATCH_FIELDS, records: Type.Array(EventRecord, { minItems: 1, maxItems: MAX_BATCH_RECORDS }) },
  {
    title: 'EventsBatch',
    examples: [
      {
        ...example,
        records: [
          {
            timestamp: '2026-11-23T06:00:00Z',
            kind: 'service.restarted',
            log_level: 'warning',
            message: 'vllm was restarted 3 times',
            metadata: { service: 'vllm', restarts: 3 },
          },
        ],
      },
    ],
  },
);
export type EventsBatch = Static<typeof EventsBatch>;
