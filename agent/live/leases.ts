/** The leases that viewers hold on this device. Pure: the caller gives the time, which must never jump. */
import { type Control, type LiveStream, LOG_LEVELS, type LogLevel, MAX_LEASES } from '#contract';

/** Between two looks at the machine where a lease names none. */
const DEFAULT_INTERVAL_MS = 2000;

export interface Lease {
  readonly id: string;
  readonly stream: LiveStream;
  readonly expiresAtMs: number;
  readonly minLevel: LogLevel;
  readonly intervalMs: number;
}

export type Leases = ReadonlyMap<string, Lease>;

export interface LeaseChange {
  readonly leases: Leases;
  /** Lines to send first; 0 unless the lease is new. */
  readonly replay: number;
  /** A lease on the logs began: a quiet log would not tell its viewer so. */
  readonly isNewLogs: boolean;
  /** There are eight already. */
  readonly isRefused: boolean;
}

/** A lease keeps its stream; a renewal may change everything else. */
export function applyControl(leases: Leases, message: Control, nowMs: number): LeaseChange {
  const held = withoutExpired(leases, nowMs);
  const known = held.get(message.lease_id);
  const next = new Map(held);
  if (message.ttl_ms === 0) {
    next.delete(message.lease_id);
    return { leases: next, replay: 0, isNewLogs: false, isRefused: false };
  }
  if (known === undefined && held.size >= MAX_LEASES)
    return { leases: held, replay: 0, isNewLogs: false, isRefused: true };
  next.set(message.lease_id, {
    id: message.lease_id,
    stream: known?.stream ?? message.stream,
    expiresAtMs: nowMs + message.ttl_ms,
    minLevel: message.min_level ?? known?.minLevel ?? 'info',
    intervalMs: message.interval_ms ?? known?.intervalMs ?? DEFAULT_INTERVAL_MS,
  });
  const isNewLogs = known === undefined && message.stream === 'logs';
  return { leases: next, replay: isNewLogs ? (message.replay ?? 0) : 0, isNewLogs, isRefused: false };
}

export function withoutExpired(leases: Leases, nowMs: number): Leases {
  return new Map([...leases].filter(([, { expiresAtMs }]) => expiresAtMs > nowMs));
}

/** The lowest level that a viewer of logs wants; null without one. */
export function lowestLevel(leases: Leases): LogLevel | null {
  const wanted = new Set([...leases.values()].filter(isOf('logs')).map(({ minLevel }) => minLevel));
  return LOG_LEVELS.find((level) => wanted.has(level)) ?? null;
}

/** The shortest interval that a viewer of metrics wants; null without one. */
export function shortestIntervalMs(leases: Leases): number | null {
  const wanted = [...leases.values()].filter(isOf('metrics')).map(({ intervalMs }) => intervalMs);
  return wanted.length === 0 ? null : Math.min(...wanted);
}

const isOf =
  (stream: LiveStream) =>
  (lease: Lease): boolean =>
    lease.stream === stream;
