/** One Server-Sent Events response: kept alive, checked again and again, dropped when its client does not read. */

import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { AppError } from '#control-plane';
import type { Log } from './log.ts';
import { securityHeaders } from './security-headers.ts';

/** A comment this often keeps proxies from closing a quiet stream and shows dead peers. */
export const HEARTBEAT_INTERVAL_MS = 15_000;
/** So often the session is asked for again; a stream outlives its session by no more. */
export const RECHECK_INTERVAL_MS = 30_000;
/** What the browser waits before it connects again. */
const RETRY_MS = 2_000;
/** A client that leaves so much unread is dropped; it connects again and reads what it shows anew. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/** A client that takes nothing for so long while something waits for it is gone. */
export const STALL_MS = 10_000;

export interface EventStream {
  /** One event with its JSON; a client that has left too much unread is dropped instead. */
  send(event: string, data: unknown): void;
  /** An event as text, for one that goes to many. */
  write(text: string): void;
  /** Now, instead of when its turn comes. */
  recheck(): void;
  end(): void;
}
export interface EventStreamOptions {
  readonly response: ServerResponse;
  /** Rejects where the stream must end: its session, or what it shows, is no longer the caller's. */
  readonly recheck: () => Promise<void>;
  /** Once, however it ends. */
  readonly onEnd: () => void;
  readonly requestId: string;
  readonly log: Log;
  readonly heartbeatIntervalMs?: number;
  readonly recheckIntervalMs?: number;
  readonly stallMs?: number;
}

/** Where the client had gone before, the stream ends right after this returned. */
export function startEventStream(options: EventStreamOptions): EventStream {
  const { response, log } = options;
  let stalled: NodeJS.Timeout | undefined;
  let hasEnded = false;
  const heartbeat = setInterval(
    () => write(': still here\n\n'),
    options.heartbeatIntervalMs ?? HEARTBEAT_INTERVAL_MS,
  );
  let checking: 'no' | 'yes' | 'again' = 'no';
  const recheckTimer = setInterval(recheck, options.recheckIntervalMs ?? RECHECK_INTERVAL_MS);

  /** One at a time: asked for meanwhile, it is done once more, for what it read may be older than the reason. */
  function recheck(): void {
    if (hasEnded) return;
    if (checking !== 'no') {
      checking = 'again';
      return;
    }
    checking = 'yes';
    options.recheck().then(
      () => {
        const isDueAgain = checking === 'again';
        checking = 'no';
        if (isDueAgain) recheck();
      },
      (error: unknown) => {
        // Fail closed: the browser connects again and learns the reason there.
        log.info({ requestId: options.requestId, code: codeOf(error) }, 'live stream ended');
        end();
      },
    );
  }

  function release(): void {
    if (hasEnded) return;
    hasEnded = true;
    clearInterval(heartbeat);
    clearInterval(recheckTimer);
    clearTimeout(stalled);
    options.onEnd();
  }
  function end(): void {
    release();
    response.end();
  }
  function drop(reason: string): void {
    log.warn(
      { unreadBytes: response.writableLength, reason },
      'live stream dropped: its client does not read',
    );
    release();
    response.destroy();
  }
  function write(text: string): void {
    if (hasEnded || response.writableEnded || response.destroyed) return;
    if (response.writableLength > MAX_UNREAD_BYTES) {
      drop('too much unread');
      return;
    }
    if (!response.write(text))
      stalled ??= setTimeout(() => drop('takes nothing'), options.stallMs ?? STALL_MS);
  }

  response.once('close', release);
  response.on('drain', () => {
    clearTimeout(stalled);
    stalled = undefined;
  });
  response.on('error', (error) => log.debug({ err: error }, 'live stream broke'));
  if (response.destroyed) queueMicrotask(release);
  else write(`retry: ${RETRY_MS}\n: open\n\n`);
  return { send: (event, data) => write(eventText(event, data)), write, recheck, end };
}

export const eventText = (event: string, data: unknown): string =>
  `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** Takes the connection from the framework. */
export function takeEventResponse(reply: FastifyReply, secure: boolean): ServerResponse {
  reply.hijack();
  reply.raw.writeHead(200, {
    ...securityHeaders(secure),
    'content-type': 'text/event-stream; charset=utf-8',
    // Or nginx holds events back until its buffer is full.
    'x-accel-buffering': 'no',
  });
  return reply.raw;
}

const codeOf = (error: unknown): string => (error instanceof AppError ? error.code : 'internal');
