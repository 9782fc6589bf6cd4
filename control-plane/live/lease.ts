/** The messages by which a device is asked to stream. Pure. */
import { type Control, LEASE_TTL_MS, type LiveStream, LOG_LEVELS, type LogLevel } from '#contract';

export interface LeaseWish {
  readonly minLevel: LogLevel | null;
}

/** The lowest that anybody wants; null = all that the device ships. */
export function lowestLevel(wishes: Iterable<LeaseWish>): LogLevel | null {
  let lowest: number = LOG_LEVELS.length;
  for (const { minLevel } of wishes) {
    if (minLevel === null) return null;
    lowest = Math.min(lowest, LOG_LEVELS.indexOf(minLevel));
  }
  return LOG_LEVELS[lowest] ?? null;
}

export const leaseMessage = (
  leaseId: string,
  stream: LiveStream,
  options: { readonly minLevel: LogLevel | null; readonly replay: number },
): Control => ({
  kind: 'lease',
  lease_id: leaseId,
  stream,
  ttl_ms: LEASE_TTL_MS,
  ...(options.minLevel === null || stream !== 'logs' ? {} : { min_level: options.minLevel }),
  ...(options.replay === 0 || stream !== 'logs' ? {} : { replay: options.replay }),
});

export const endOfLease = (leaseId: string, stream: LiveStream): Control => ({
  kind: 'lease',
  lease_id: leaseId,
  stream,
  ttl_ms: 0,
});

export const isAtLeast = (level: LogLevel, minLevel: LogLevel | null): boolean =>
  minLevel === null || LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(minLevel);
