/** What a device says about itself every 30 s, over MQTT (`up/heartbeat`) and HTTPS (SD-E6) alike. */
import { type Static, Type } from 'typebox';

export const SERVICE_STATES = ['running', 'stopped', 'starting', 'failed', 'unknown'] as const;
/** The state a device claims for itself. */
export const DEVICE_CLAIMS = ['online', 'degraded', 'error', 'maintenance'] as const;

const Percent = (description: string) => Type.Number({ minimum: 0, maximum: 100, description });

export const ServiceStatus = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100 }),
  status: Type.Enum([...SERVICE_STATES]),
  kind: Type.Optional(Type.String({ maxLength: 20, description: 'systemd, docker, process …' })),
  restarts: Type.Optional(Type.Integer({ minimum: 0 })),
});
export type ServiceStatus = Static<typeof ServiceStatus>;

export const HeartbeatMetrics = Type.Object({
  cpu_percent: Type.Optional(Percent('All cores, mean since the last heartbeat.')),
  memory_percent: Type.Optional(Percent('Used memory, without what the system can reclaim.')),
  disk_percent: Type.Optional(Percent('Of the file system that holds the state folder.')),
  gpu_percent: Type.Optional(Percent('Busiest GPU, where one answers.')),
});
export type HeartbeatMetrics = Static<typeof HeartbeatMetrics>;

const ClassDepth = Type.Object({
  records: Type.Integer({ minimum: 0 }),
  bytes: Type.Integer({ minimum: 0 }),
  dropped: Type.Integer({ minimum: 0, description: 'Given up, thinned out included.' }),
  oldest_at: Type.Optional(Type.String({ format: 'date-time', description: 'Of the oldest record held.' })),
});

/** Repeats versions and the session epoch, so that any lost message heals within one beat (DESIGN §1.1). */
export const Heartbeat = Type.Object(
  {
    status: Type.Enum([...DEVICE_CLAIMS]),
    uptime: Type.Integer({ minimum: 0, description: 'Seconds since the device booted.' }),
    services: Type.Optional(Type.Array(ServiceStatus, { maxItems: 200 })),
    metrics: Type.Optional(HeartbeatMetrics),
    firmware_version: Type.Optional(Type.String({ minLength: 1, maxLength: 50 })),
    agent_version: Type.Optional(Type.String({ maxLength: 50 })),
    sent_at: Type.Optional(
      Type.String({ format: 'date-time', description: 'Device clock; never used for presence.' }),
    ),
    session_epoch: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Rises with every MQTT connect; absent over HTTPS.' }),
    ),
    seq: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Counts beats within a session; repeated in the ack.' }),
    ),
    config: Type.Optional(
      Type.Object({
        version: Type.Integer({ minimum: 0, description: '0 = never configured.' }),
        sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
      }),
    ),
    outbox: Type.Optional(
      Type.Object({
        records: Type.Integer({ minimum: 0 }),
        bytes: Type.Integer({ minimum: 0 }),
        dropped: Type.Integer({ minimum: 0, description: 'Records given up since the outbox was made.' }),
        by_class: Type.Optional(
          Type.Partial(Type.Object({ events: ClassDepth, logs: ClassDepth, metrics: ClassDepth }), {
            description: 'The same for each class of the outbox.',
          }),
        ),
      }),
    ),
    telemetry_version: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Version of the telemetry settings in use; 0 = as shipped.' }),
    ),
    certificate_serial: Type.Optional(Type.String({ pattern: '^[0-9a-f]{2,40}$' })),
    facts: Type.Optional(
      Type.Record(
        Type.String({ maxLength: 40 }),
        Type.Union([Type.String({ maxLength: 200 }), Type.Number(), Type.Boolean()]),
        {
          maxProperties: 40,
          description:
            'hostname, os, kernel, arch, cpu_model, cpu_cores, memory_bytes, ip_addresses …; sent with the first beat of a session and when changed.',
        },
      ),
    ),
  },
  {
    title: 'Heartbeat',
    examples: [
      {
        status: 'online',
        uptime: 86400,
        services: [
          { name: 'vllm', status: 'running' },
          { name: 'open-webui', status: 'running' },
        ],
        metrics: { cpu_percent: 45.2, memory_percent: 67.8, disk_percent: 32.1 },
        firmware_version: '2.1.0',
        session_epoch: 7,
        seq: 12,
      },
    ],
  },
);
export type Heartbeat = Static<typeof Heartbeat>;
