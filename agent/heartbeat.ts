/** What the device says every 30 s, put together from what it knows. Pure. */
import type { Heartbeat, ServiceStatus } from '#contract';
import type { Facts } from './collectors/facts.ts';
import { heartbeatMetrics, type Sample } from './collectors/sample.ts';
import type { OutboxDepth } from './outbox/outbox.ts';

export interface BeatInput {
  readonly sample: Sample;
  readonly services: readonly ServiceStatus[];
  /** Services that must run for the device to be well. */
  readonly watchedServices: ReadonlySet<string>;
  readonly firmwareVersion: string;
  readonly agentVersion: string;
  readonly outbox: OutboxDepth;
  /** Of the telemetry settings in use; 0 = as shipped. */
  readonly telemetryVersion: number;
  readonly certificateSerial: string;
  readonly sentAt: Date;
  /** Null over HTTPS, where there is no session. */
  readonly session: { readonly epoch: number; readonly seq: number } | null;
  /** Null when the server knows them already. */
  readonly facts: Facts | null;
}

export function buildHeartbeat(input: BeatInput): Heartbeat {
  const { sample, services, session, facts } = input;
  return {
    status: claimOf(services, input.watchedServices),
    uptime: sample.uptimeSeconds,
    services: [...services],
    metrics: heartbeatMetrics(sample),
    firmware_version: input.firmwareVersion,
    agent_version: input.agentVersion,
    sent_at: input.sentAt.toISOString(),
    outbox: input.outbox,
    telemetry_version: input.telemetryVersion,
    certificate_serial: input.certificateSerial,
    ...(session === null ? {} : { session_epoch: session.epoch, seq: session.seq }),
    ...(facts === null ? {} : { facts }),
  };
}

/** `degraded` only for services that somebody asked to watch: a stray failed unit is no news of the device. */
export const claimOf = (
  services: readonly ServiceStatus[],
  watched: ReadonlySet<string>,
): Heartbeat['status'] => {
  const isRunning = (name: string): boolean =>
    services.some((service) => service.name === name && service.status === 'running');
  return [...watched].every(isRunning) ? 'online' : 'degraded';
};

/** ± 10 %, so that devices that started together drift apart. */
export const HEARTBEAT_JITTER = 0.1;

export const nextBeatMs = (intervalMs: number, random: () => number): number =>
  Math.round(intervalMs * (1 + (random() * 2 - 1) * HEARTBEAT_JITTER));
