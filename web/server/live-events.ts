/** Server-Sent Events: one subscription to the control plane, fanned out to the open streams. */
import type { ServerResponse } from 'node:http';
import { AppError, type ControlPlane, type LiveFilter, type Origin, type Person } from '#control-plane';
import type { LiveEvent } from '#web-api';
import { type Credential, callerKey, identify } from './authenticate.ts';
import { type EventStream, eventText, startEventStream } from './event-stream.ts';
import type { Log } from './log.ts';

/** Tabs of one person; browsers themselves open 6 connections to a host over HTTP/1.1. */
const MAX_STREAMS_PER_SESSION = 8;
const MAX_STREAMS = 2_000;
const RETRY_AFTER_SECONDS = 10;

export interface LiveStreamRequest {
  readonly person: Person;
  /** For the checks while the stream is open. */
  readonly credential: Credential;
  readonly orgId: string | undefined;
  readonly origin: Origin;
}

export interface LiveStreams {
  /**
   * Checks scope and counts, then calls `takeResponse` and keeps that response open.
   * @throws AppError 'rate.limited', 'service.unavailable', and those of `fleet.liveFilter`.
   */
  open(request: LiveStreamRequest, takeResponse: () => ServerResponse): Promise<void>;
  readonly count: number;
  /** Ends every stream; further ones are refused. */
  stop(): void;
}

export interface LiveStreamsDeps {
  readonly controlPlane: ControlPlane;
  readonly log: Log;
  /** Looks at single devices, which must end as well where somebody may no longer see one. */
  readonly looks?: ReadonlySet<EventStream>;
  readonly heartbeatIntervalMs?: number;
  readonly recheckIntervalMs?: number;
}

interface Stream {
  readonly events: EventStream;
  filter: LiveFilter;
}

export function startLiveStreams(deps: LiveStreamsDeps): LiveStreams {
  const { controlPlane } = deps;
  const streams = new Set<Stream>();
  /** Streams on their way through `liveFilter` count too, so that parallel requests cannot pass the bound. */
  const bySession = new Map<string, number>();
  let total = 0;
  let isStopped = false;
  const unsubscribe = controlPlane.subscribe((event) => {
    broadcast(streams, event);
    if (event.kind !== 'access.changed') return;
    for (const look of deps.looks ?? []) look.recheck();
  });

  function take(session: string): () => void {
    const ofSession = bySession.get(session) ?? 0;
    if (ofSession >= MAX_STREAMS_PER_SESSION) {
      throw new AppError('rate.limited', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    if (total >= MAX_STREAMS || isStopped) {
      throw new AppError('service.unavailable', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    bySession.set(session, ofSession + 1);
    total += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      total -= 1;
      const rest = (bySession.get(session) ?? 1) - 1;
      if (rest === 0) bySession.delete(session);
      else bySession.set(session, rest);
    };
  }

  return {
    async open(request, takeResponse) {
      const release = take(callerKey(request.person));
      try {
        const filter = await controlPlane.fleet.liveFilter(request.person, request.orgId);
        if (isStopped) throw new AppError('service.unavailable');
        const stream: Stream = {
          filter,
          events: startEventStream({
            ...deps,
            response: takeResponse(),
            requestId: request.origin.requestId,
            recheck: async () => {
              stream.filter = await recheckFilter(deps, request);
            },
            onEnd: () => {
              streams.delete(stream);
              release();
            },
          }),
        };
        streams.add(stream);
      } catch (error) {
        release();
        throw error;
      }
    },
    get count() {
      return streams.size;
    },
    stop() {
      if (isStopped) return;
      isStopped = true;
      unsubscribe();
      for (const { events } of [...streams]) events.end();
    },
  };
}

/** A look is no activity: an open tab that nobody uses lets its session idle out. */
async function recheckFilter(
  { controlPlane }: LiveStreamsDeps,
  { credential, orgId, origin }: LiveStreamRequest,
): Promise<LiveFilter> {
  const person = await identify(controlPlane.access, credential, origin, { touch: false });
  // Memberships may have changed since.
  return controlPlane.fleet.liveFilter(person, orgId);
}

/** Text is made once for all who see the whole event. */
function broadcast(streams: ReadonlySet<Stream>, event: LiveEvent): void {
  const whole = eventText(event.kind, event);
  for (const { filter, events } of streams) {
    const seen = filter(event);
    if (seen === null) continue;
    events.write(seen === event ? whole : eventText(seen.kind, seen));
    // What it shows may be another's by now.
    if (event.kind === 'access.changed') events.recheck();
  }
}
