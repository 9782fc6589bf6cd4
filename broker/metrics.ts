/** Figures of the broker process, from its start. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { PrincipalKind, RefusalReason } from '#contract';

export interface BrokerMetrics {
  /** Sockets, with those that are still in TLS or CONNECT. */
  readonly connections: number;
  /** Clients let in and still there. */
  readonly clients: Readonly<Record<PrincipalKind, number>>;
  readonly handshakeFailures: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly refusals: Readonly<Record<RefusalReason, number>>;
  readonly revokedSerials: number;
  /** A complete list of revocations has come. */
  readonly isReady: boolean;
  /** Since the last reading, in milliseconds. */
  readonly eventLoopLagMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

export interface Counters {
  handshakeFailures: number;
  messagesIn: number;
  messagesOut: number;
  bytesIn: number;
  bytesOut: number;
}

export const createCounters = (): Counters => ({
  handshakeFailures: 0,
  messagesIn: 0,
  messagesOut: 0,
  bytesIn: 0,
  bytesOut: 0,
});

const RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

/** Delay of the event loop beyond the sampling interval. */
export function startLagMeter(): { read(): BrokerMetrics['eventLoopLagMs']; stop(): void } {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const lag = (ns: number): number => Math.max(0, Math.round(ns / NS_PER_MS - RESOLUTION_MS));
  return {
    read() {
      const { max } = histogram;
      const reading = {
        p50: lag(histogram.percentile(50)),
        p99: lag(histogram.percentile(99)),
        max: lag(max),
      };
      histogram.reset();
      return reading;
    },
    stop: () => void histogram.disable(),
  };
}
