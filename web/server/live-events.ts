/** Server-Sent Events: one subscription to the control plane, fanned out to the open streams. */
import type { ServerResponse } from 'node:http';
import { AppError, type ControlPlane, type Origin, type Person } from '#control-plane';
import type { LiveEvent } from '#web-api';
import { type EventStream, eventText, startEventStream } from './event-stream.ts';
import type { Log } from './log.ts';

/** Tabs of one person; browsers themselves open 6 connections to a host over HTTP/1.1. */
const MAX_STREAMS_PER_SESSION = 8;
const MAX_STREAMS = 2_000;
const RETRY_AFTER_SECONDS = 10;

export interface LiveStreamRequest {
  readonly person: Person;
  /** For the checks while the stream is open. */
  readonly sessionToken: string;
  readonly orgId: string | undefined;
  readonly origin: Origin;
}

export interface LiveStreams {
  /**
   * Checks scope and counts, then calls `takeResponse` and keeps that response open.
   * @throws AppError 'rate.limited', 'service.unavailable', and those of `fleet.liveScope`.
   */
  open(request: LiveStreamRequest, takeResponse: () => ServerResponse): Promise<void>;
  readonly count: number;
  /** Ends every stream; further ones are refused. */
  stop(): void;
}

export interface LiveStreamsDeps {
  readonly controlPlane: ControlPlane;
  readonly log: Log;
  readonly heartbeatIntervalMs?: number;
  readonly recheckIntervalMs?: number;
}

interface Stream {
  readonly events: EventStream;
  /** Organisations whose events pass; null = all. */
  scope: ReadonlySet<string> | null;
}

export function startLiveStreams(deps: LiveStreamsDeps): LiveStreams {
  const { controlPlane } = deps;
  const streams = new Set<Stream>();
  /** Streams on their way through `liveScope` count too, so that parallel requests cannot pass the bound. */
  const bySession = new Map<string, number>();
  let total = 0;
  let isStopped = false;
  const unsubscribe = controlPlane.subscribe((event) => broadcast(streams, event));

  function take(sessionTokenHash: string): () => void {
    const ofSession = bySession.get(sessionTokenHash) ?? 0;
    if (ofSession >= MAX_STREAMS_PER_SESSION) {
      throw new AppError('rate.limited', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    if (total >= MAX_STREAMS || isStopped) {
      throw new AppError('service.unavailable', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    bySession.set(sessionTokenHash, ofSession + 1);
    total += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      total -= 1;
      const rest = (bySession.get(sessionTokenHash) ?? 1) - 1;
      if (rest === 0) bySession.delete(sessionTokenHash);
      else bySession.set(sessionTokenHash, rest);
    };
  }

  return {
    async open(request, takeResponse) {
      const release = take(request.person.sessionTokenHash);
      try {
        const scope = await controlPlane.fleet.liveScope(request.person, request.orgId);
        if (isStopped) throw new AppError('service.unavailable');
        const stream: Stream = {
          scope,
          events: startEventStream({
            ...deps,
            response: takeResponse(),
            requestId: request.origin.requestId,
            recheck: async () => {
              stream.scope = await recheckScope(deps, request);
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
async function recheckScope(
  { controlPlane }: LiveStreamsDeps,
  { sessionToken, orgId, origin }: LiveStreamRequest,
): Promise<Stream['scope']> {
  const person = await controlPlane.access.authenticate(sessionToken, origin, { touch: false });
  // Memberships may have changed since.
  return controlPlane.fleet.liveScope(person, orgId);
}

function broadcast(streams: ReadonlySet<Stream>, event: LiveEvent): void {
  const text = eventText(event.kind, event);
  for (const { scope, events } of streams) {
    if (scope === null || scope.has(event.organization_id)) events.write(text);
  }
}
