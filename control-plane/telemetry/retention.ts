/** How far back each resolution reaches. Pure. */
import type { StoredTelemetrySettings } from '#db';
import { DEFAULT_RETENTION_DAYS, type Resolution } from '#web-api';

const DAY_MS = 86_400_000;

export function keptSince(
  stored: StoredTelemetrySettings | null,
  now: Date,
): Readonly<Record<Resolution, number>> {
  const days = stored?.retentionDays ?? DEFAULT_RETENTION_DAYS;
  const since = (kept: number): number => now.getTime() - kept * DAY_MS;
  return {
    raw: since(days.metrics),
    '1m': since(days.metrics_1m),
    '1h': since(days.metrics_1h),
    '1d': since(days.metrics_1d),
  };
}
