/** Server-Sent Events: one subscription to the control plane, fanned out to the open streams. */
import type { ServerResponse } from 'node:http';
import { AppError, type ControlPlane, type Origin, type Person } from '#control-plane';
import type { LiveEvent } from '#web-api';
import type { Log } from './log.ts';

/** A comment this often keeps proxies from closing a quiet stream and shows dead peers. */
const HEARTBEAT_INTERVAL_MS = 15_000;
/** So often the session is asked for again; a stream outlives its session by no more. */
const RECHECK_INTERVAL_MS = 30_000;
/** What the browser waits before it connects again. */
const RETRY_MS = 2_000;
/** A client that leaves so much unread is dropped; it connects again and reads the list anew. */
const MAX_UNREAD_BYTES = 1024 * 1024;
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
  readonly response: ServerResponse;
  readonly sessionTokenHash: string;
  /** Organisations whose events pass; null = all. */
  scope: ReadonlySet<string> | null;
  end(): void;
}

export function startLiveStreams(deps: LiveStreamsDeps): LiveStreams {
  const { controlPlane, log } = deps;
  const streams = new Set<Stream>();
  /** Streams on their way through `liveScope` count too, so that parallel requests cannot pass the bound. */
  const bySession = new Map<string, number>();
  let total = 0;
  let isStopped = false;
  const unsubscribe = controlPlane.subscribe((event) => broadcast(streams, event, log));

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
        const stream = startStream(deps, request, takeResponse(), scope, () => {
          streams.delete(stream);
          release();
        });
        // Its client may have gone while the scope was looked up; then no `close` comes any more.
        if (stream.response.destroyed) stream.end();
        else streams.add(stream);
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
      for (const stream of [...streams]) stream.end();
    },
  };
}

function startStream(
  deps: LiveStreamsDeps,
  request: LiveStreamRequest,
  response: ServerResponse,
  scope: ReadonlySet<string> | null,
  onEnd: () => void,
): Stream {
  const stream: Stream = { response, sessionTokenHash: request.person.sessionTokenHash, scope, end };
  const heartbeat = setInterval(
    () => write(response, ': still here\n\n', deps.log),
    deps.heartbeatIntervalMs ?? HEARTBEAT_INTERVAL_MS,
  );
  const recheck = setInterval(() => {
    recheckSession(deps, request, stream).catch((error: unknown) => {
      // Fail closed: the browser connects again and learns the reason there.
      deps.log.info({ requestId: request.origin.requestId, code: codeOf(error) }, 'live stream ended');
      end();
    });
  }, deps.recheckIntervalMs ?? RECHECK_INTERVAL_MS);

  function release(): void {
    clearInterval(heartbeat);
    clearInterval(recheck);
    onEnd();
  }
  function end(): void {
    release();
    response.end();
  }

  response.once('close', release);
  response.on('error', (error) => deps.log.debug({ err: error }, 'live stream broke'));
  response.write(`retry: ${RETRY_MS}\n: open\n\n`);
  return stream;
}

async function recheckSession(
  { controlPlane }: LiveStreamsDeps,
  { sessionToken, orgId, origin }: LiveStreamRequest,
  stream: Stream,
): Promise<void> {
  const person = await controlPlane.access.authenticate(sessionToken, origin);
  // Memberships may have changed since.
  stream.scope = await controlPlane.fleet.liveScope(person, orgId);
}

function broadcast(streams: ReadonlySet<Stream>, event: LiveEvent, log: Log): void {
  const text = `event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
  for (const { scope, response } of streams) {
    if (scope === null || scope.has(event.organization_id)) write(response, text, log);
  }
}

function write(response: ServerResponse, text: string, log: Log): void {
  if (response.writableEnded || response.destroyed) return;
  if (response.writableLength > MAX_UNREAD_BYTES) {
    log.warn({ unreadBytes: response.writableLength }, 'live stream dropped: its client does not read');
    response.destroy();
    return;
  }
  response.write(text);
}

const codeOf = (error: unknown): string => (error instanceof AppError ? error.code : 'internal');
