/** Starts the listeners of the web server and stops them in order. */
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { ControlPlane } from '#control-plane';
import { type AppDeps, buildApp } from './app.ts';
import type { EventStream } from './event-stream.ts';
import { startLiveStreams } from './live-events.ts';
import type { Log } from './log.ts';
import { type TlsMaterial, useTls } from './node-server.ts';
import { createRateLimits, type RequestRates } from './rate-limits.ts';

export interface ListenAddress {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
}

export interface WebServerOptions {
  readonly controlPlane: ControlPlane;
  /** Plain HTTP; keep it on loopback. Null = none. */
  readonly http: ListenAddress | null;
  /** TLS 1.3 for devices and remote consoles. Null = none. */
  readonly https: (ListenAddress & TlsMaterial) | null;
  readonly consoleDir: string | null;
  readonly downloadsDir: string;
  readonly installScript: AppDeps['installScript'];
  /** How devices and people reach this installation, without a slash at the end. */
  readonly publicUrl: string;
  readonly asyncapi: unknown;
  readonly version: string;
  readonly log: Log;
  /** Bound per address; default 60,000. */
  readonly requestsPerMinute?: number;
  /** Of people, devices and organisations; without it only the bound per address holds. */
  readonly requestRates?: RequestRates;
}

export interface WebServer {
  readonly httpPort: number | null;
  readonly httpsPort: number | null;
  /** Another own certificate or other authorities, for handshakes from now on; connections stay. */
  useTls(tls: TlsMaterial): void;
  stop(): Promise<void>;
}

/** Requests under way get this long when the server stops. */
const STOP_DEADLINE_MS = 5_000;

/** @throws the listener's own error, e.g. EADDRINUSE, after closing what was open. */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const { http, https, requestRates = null, ...rest } = options;
  const rateLimits = createRateLimits(requestRates);
  const looks = new Set<EventStream>();
  const streams = startLiveStreams({ ...options, looks });
  const closers: (() => Promise<void>)[] = [];
  const servers: FastifyInstance['server'][] = [];
  let stopped: Promise<unknown> | undefined;
  const stop = async () => {
    streams.stop();
    for (const look of [...looks]) look.end();
    stopped ??= Promise.all(closers.map((close) => close()));
    await stopped;
  };
  const listen = async (address: ListenAddress, tls: TlsMaterial | null): Promise<number> => {
    const app = await buildApp({ ...rest, rateLimits, streams, looks, tls });
    closers.push(closerOf(app));
    servers.push(app.server);
    await app.listen({ host: address.host, port: address.port });
    return portOf(app);
  };
  try {
    const httpPort = http === null ? null : await listen(http, null);
    const httpsPort = https === null ? null : await listen(https, https);
    options.log.info({ httpPort, httpsPort }, 'web server listens');
    return {
      httpPort,
      httpsPort,
      useTls: (tls) => {
        for (const server of servers) useTls(server, tls);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Accepts no more, lets requests finish, and cuts what is left at the deadline, handshakes included. */
function closerOf(app: FastifyInstance): () => Promise<void> {
  const sockets = new Set<Socket>();
  app.server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return async () => {
    const deadline = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, STOP_DEADLINE_MS);
    try {
      await app.close();
    } finally {
      clearTimeout(deadline);
    }
  };
}

function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server listens on no port');
  return address.port;
}
