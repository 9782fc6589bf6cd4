/** Every channel of the MQTT contract. Topics, ACL, AsyncAPI, docs and contract tests are derived from this table. */
import type { Static, TSchema } from 'typebox';
import { Ack } from './ack.ts';
import { CertificateIssued, CertificateRequest } from './certificate.ts';
import { Heartbeat } from './heartbeat.ts';
import { Control, LiveLogs, LiveMetrics } from './live.ts';
import { EventsBatch, LogsBatch } from './logs.ts';
import { MetricsBatch } from './metrics.ts';
import { PresenceMessage } from './presence.ts';
import { RefusalReport, Revocations } from './system.ts';
import { TelemetrySettings } from './telemetry.ts';

export interface Channel {
  /** `up`: the device publishes; `down`: the control plane publishes. */
  readonly direction: 'up' | 'down';
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly payload: TSchema;
  readonly doc: string;
}

export const CHANNELS = {
  heartbeat: {
    direction: 'up',
    qos: 1,
    retain: false,
    payload: Heartbeat,
    doc: 'Every 30 s ± jitter: the state of the device, its services and versions.',
  },
  presence: {
    direction: 'up',
    qos: 1,
    retain: true,
    payload: PresenceMessage,
    doc: 'hello and goodbye; also the last will.',
  },
  metrics: {
    direction: 'up',
    qos: 1,
    retain: false,
    payload: MetricsBatch,
    doc: 'A sealed batch of measurements from the outbox, sent again until acknowledged.',
  },
  logs: {
    direction: 'up',
    qos: 1,
    retain: false,
    payload: LogsBatch,
    doc: 'A sealed batch of log lines, redacted on the device; sent again until acknowledged.',
  },
  events: {
    direction: 'up',
    qos: 1,
    retain: false,
    payload: EventsBatch,
    doc: 'A sealed batch of what the agent itself reports; the last to be given up.',
  },
  'live/logs': {
    direction: 'up',
    qos: 0,
    retain: false,
    payload: LiveLogs,
    doc: 'Log lines while somebody holds a lease; never stored.',
  },
  'live/metrics': {
    direction: 'up',
    qos: 0,
    retain: false,
    payload: LiveMetrics,
    doc: 'Measurements while somebody holds a lease; never stored.',
  },
  'certificate/request': {
    direction: 'up',
    qos: 1,
    retain: false,
    payload: CertificateRequest,
    doc: 'Asks for the next certificate at 2/3 of the life of the present one.',
  },
  ack: {
    direction: 'down',
    qos: 1,
    retain: false,
    payload: Ack,
    doc: 'Said only after the message is committed in PostgreSQL. Those of batches come with QoS 0: one that is lost is said again when the batch is sent again.',
  },
  telemetry: {
    direction: 'down',
    qos: 1,
    retain: false,
    payload: TelemetrySettings,
    doc: 'The organisation’s telemetry settings, where the heartbeat named another version.',
  },
  control: {
    direction: 'down',
    qos: 1,
    retain: false,
    payload: Control,
    doc: 'Leases for live logs and metrics.',
  },
  'certificate/issued': {
    direction: 'down',
    qos: 1,
    retain: false,
    payload: CertificateIssued,
    doc: 'The new chain, or why there is none.',
  },
} as const satisfies Record<string, Channel>;

export type ChannelName = keyof typeof CHANNELS;
export type PayloadOf<C extends ChannelName> = Static<(typeof CHANNELS)[C]['payload']>;

/** Own keys only, so that a topic ending in `/constructor` is no channel. */
export const isChannel = (name: string): name is ChannelName => Object.hasOwn(CHANNELS, name);

/** Between services only: broker and control plane. */
export const SYSTEM_CHANNELS = {
  revocations: { qos: 1, payload: Revocations, doc: 'Control plane to brokers: revoked certificates.' },
  refusals: { qos: 1, payload: RefusalReport, doc: 'Brokers to control plane: what was refused, and why.' },
} as const;
export type SystemChannelName = keyof typeof SYSTEM_CHANNELS;
