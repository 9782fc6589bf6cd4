/** The presence timeline: events turned into a gapless band, and its share of time online. Pure. */
import type { Observation, PresenceEventView } from '#web-api';

export interface Segment {
  readonly fromMs: number;
  readonly toMs: number;
  /** Null: before the first known event. */
  readonly observation: Observation | null;
}

/**
 * Segments from `fromMs` to `toMs`, oldest first. `events` in any order; those before the window tell its beginning.
 * Where nothing tells it, the first event's `from` does; with no event at all, `current` holds throughout.
 */
export function presenceBand(
  events: readonly PresenceEventView[],
  fromMs: number,
  toMs: number,
  current: Observation,
): Segment[] {
  const known = events
    .map((event) => ({ ...event, atMs: Date.parse(event.at) }))
    .filter((event) => event.atMs <= toMs)
    .toSorted((a, b) => a.atMs - b.atMs);
  const inside = known.filter((event) => event.atMs > fromMs);
  const before = known.findLast((event) => event.atMs <= fromMs);
  let observation: Observation | null =
    before?.to ?? (inside.length > 0 ? (inside[0]?.from ?? null) : current);
  let startMs = fromMs;
  const segments: Segment[] = [];
  for (const event of inside) {
    if (event.to === observation) continue;
    if (event.atMs > startMs) segments.push({ fromMs: startMs, toMs: event.atMs, observation });
    startMs = event.atMs;
    observation = event.to;
  }
  if (toMs > startMs) segments.push({ fromMs: startMs, toMs, observation });
  return segments;
}

/** Share of the known time in which the device answered, 0-100; null where nothing is known. */
export function onlinePercent(segments: readonly Segment[]): number | null {
  let knownMs = 0;
  let onlineMs = 0;
  for (const segment of segments) {
    if (segment.observation === null || segment.observation === 'never_seen') continue;
    const spanMs = segment.toMs - segment.fromMs;
    knownMs += spanMs;
    if (segment.observation !== 'offline') onlineMs += spanMs;
  }
  return knownMs === 0 ? null : (100 * onlineMs) / knownMs;
}

/** `hello` → `Connected`; the server's reasons in a person's words. */
export function presenceReason(reason: string): string {
  if (reason.startsWith('goodbye')) {
    const why = reason.split(':')[1];
    return why ? `Signed off (${why})` : 'Signed off';
  }
  const words: Readonly<Record<string, string>> = {
    hello: 'Connected',
    last_will: 'Link lost',
    heartbeat: 'Heartbeat',
    silence: 'No heartbeat for 75 s',
    revoked: 'Certificates revoked',
    http: 'Heartbeat over HTTPS',
  };
  return words[reason] ?? reason.replaceAll('_', ' ');
}
