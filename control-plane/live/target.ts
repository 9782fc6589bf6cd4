/** One stream of one device while somebody looks: its lease, its viewers, and what each of them gets. */
import { randomUUID } from 'node:crypto';
import {
  type Control,
  decodePayload,
  LEASE_TTL_MS,
  type LiveStream,
  type LogLevel,
  type LogRecord,
  type MetricRecord,
} from '#contract';
import type { Redactor } from '#contract/redaction';
import type { Logger } from '../log.ts';
import type { LiveUpdate } from '../telemetry-use-cases.ts';
import { endOfLease, isAtLeast, leaseMessage, lowestLevel } from './lease.ts';
import { createReplayFilter, type ViewerPlace } from './replay-filter.ts';

/** A replay comes within a round trip; its lines are told from live ones for so long. */
const REPLAY_WINDOW_MS = 10_000;

export interface ViewerWish {
  /** Null = all that the device ships. */
  readonly minLevel: LogLevel | null;
  readonly replay: number;
  readonly listener: (update: LiveUpdate) => void;
}
export interface Target {
  /** Tells the viewer the present state at once. @returns how to leave */
  join(wish: ViewerWish): () => void;
  readonly viewerCount: number;
  /** Its topic is subscribed: asks the device, again after a break. */
  ready(): void;
  /** Keeps the device streaming for another `LEASE_TTL_MS`. */
  renew(): void;
  received(payload: Uint8Array): void;
  linkLost(): void;
  presence(isOnline: boolean): void;
  /** Takes the organisation's present rules. */
  useRedactor(redactor: Redactor): void;
  /** The device stops at once. */
  end(): void;
}
export interface TargetOptions {
  readonly stream: LiveStream;
  readonly isOnline: boolean;
  readonly redactor: Redactor;
  /** @returns false where there is no link */
  readonly send: (message: Control) => boolean;
  readonly log: Logger;
  readonly nowMs: () => number;
}

interface Viewer extends ViewerWish {
  readonly leaseId: string;
  readonly place: ViewerPlace;
  /** The replay is still to be asked for. */
  awaitsReplay: boolean;
  /** Own lease, for the replay alone; 0 = none. */
  leaseUntilMs: number;
}

export function createTarget(options: TargetOptions): Target {
  const { stream, send, log, nowMs } = options;
  const leaseId = randomUUID();
  const viewers = new Set<Viewer>();
  const filter = createReplayFilter();
  let { isOnline, redactor } = options;
  let isReady = false;
  let hasAnswered = false;
  let lastSeq = 0;
  let replayUntilMs = 0;
  let told: 'waiting' | 'streaming' | 'offline' = stateNow();

  function stateNow(): 'waiting' | 'streaming' | 'offline' {
    if (!isOnline) return 'offline';
    return hasAnswered ? 'streaming' : 'waiting';
  }
  function tell(viewer: Viewer, update: LiveUpdate): void {
    try {
      viewer.listener(update);
    } catch (error) {
      log.error({ err: error }, 'a viewer of a live stream failed');
    }
  }
  function tellState(): void {
    const state = stateNow();
    if (state === told) return;
    told = state;
    for (const viewer of viewers) tell(viewer, { kind: 'state', state });
  }

  /** Until the device answers, every renewal asks for the first viewer's replay: the one before may be lost. */
  function renew(): void {
    const first = viewers.values().next().value;
    if (first === undefined || !isReady) return;
    const replay = first.awaitsReplay ? first.replay : 0;
    send(leaseMessage(leaseId, stream, { minLevel: lowestLevel(viewers), replay }));
  }
  /** A later viewer's lines come by a lease of its own, which is not renewed. */
  function askForReplay(viewer: Viewer): void {
    if (!viewer.awaitsReplay || !isReady) return;
    if (!send(leaseMessage(viewer.leaseId, stream, viewer))) return;
    viewer.awaitsReplay = false;
    viewer.leaseUntilMs = nowMs() + LEASE_TTL_MS;
    replayUntilMs = nowMs() + REPLAY_WINDOW_MS;
  }

  function deliverLogs(records: readonly LogRecord[], skipped: number): void {
    const takenBy = filter.accept(redactor.records(records), nowMs() < replayUntilMs);
    for (const viewer of viewers) {
      const taken = takenBy(viewer.place).filter(({ log_level }) => isAtLeast(log_level, viewer.minLevel));
      if (taken.length > 0 || skipped > 0) tell(viewer, { kind: 'logs', skipped, records: taken });
    }
  }
  function deliverMetrics(records: readonly MetricRecord[], skipped: number): void {
    const shown = records.map((record) => redactor.metric(record));
    for (const viewer of viewers) tell(viewer, { kind: 'metrics', skipped, records: shown });
  }

  return {
    join(wish) {
      const isFirst = viewers.size === 0;
      const viewer: Viewer = {
        ...wish,
        leaseId: randomUUID(),
        place: filter.viewer(),
        awaitsReplay: stream === 'logs' && wish.replay > 0,
        leaseUntilMs: 0,
      };
      viewer.place.takesOlder = viewer.awaitsReplay;
      viewers.add(viewer);
      tell(viewer, { kind: 'state', state: stateNow() });
      // At once: the level may be lower than before.
      if (isFirst || wish.minLevel !== null || !hasAnswered) renew();
      if (!isFirst) askForReplay(viewer);
      return () => {
        if (!viewers.delete(viewer)) return;
        if (viewer.leaseUntilMs > nowMs()) send(endOfLease(viewer.leaseId, stream));
      };
    },
    get viewerCount() {
      return viewers.size;
    },
    ready() {
      isReady = true;
      renew();
      for (const viewer of [...viewers].slice(1)) askForReplay(viewer);
    },
    renew,
    received(payload) {
      const decoded =
        stream === 'logs' ? decodePayload('live/logs', payload) : decodePayload('live/metrics', payload);
      if (!decoded.ok) {
        log.debug({ reason: decoded.reason }, 'live message not understood');
        return;
      }
      isOnline = true;
      hasAnswered = true;
      for (const viewer of [...viewers].slice(0, 1)) viewer.awaitsReplay = false;
      tellState();
      const { seq, records } = decoded.value;
      // A message that was lost held at least one record; a lower number is a new counting.
      const lost = lastSeq > 0 && seq > lastSeq + 1 ? seq - lastSeq - 1 : 0;
      lastSeq = seq;
      const skipped = decoded.value.skipped + lost;
      if (stream === 'logs') deliverLogs(records as readonly LogRecord[], skipped);
      else deliverMetrics(records as readonly MetricRecord[], skipped);
    },
    linkLost() {
      isReady = false;
      hasAnswered = false;
      tellState();
    },
    presence(online) {
      if (online === isOnline) return;
      isOnline = online;
      hasAnswered = false;
      tellState();
      if (online) renew();
    },
    useRedactor(latest) {
      redactor = latest;
    },
    end() {
      if (isReady) send(endOfLease(leaseId, stream));
      viewers.clear();
    },
  };
}
