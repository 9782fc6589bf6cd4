/** The listening sockets: plain HTTP, or TLS 1.3 that asks for a client certificate without insisting. */
import { constants } from 'node:crypto';
import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { type SecureContextOptions, Server as TlsServer } from 'node:tls';
import { problemType } from './problems.ts';

export interface TlsMaterial {
  readonly keyPem: string;
  readonly chainPem: string;
  /** Client certificates must come from here to count. */
  readonly trustPem: string;
}

/** Slow senders are cut off: headers, whole request, idle connection, TLS handshake. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16 * 1024,
} as const satisfies ServerOptions;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** At about 50 kB each; beyond this the kernel's queue waits. */
const MAX_CONNECTIONS = 10_000;

export function createNodeServer(tls: TlsMaterial | null, handler: RequestListener): Server {
  const server = tls === null ? createHttpServer(LIMITS, handler) : createTlsServer(tls, handler);
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

function createTlsServer(tls: TlsMaterial, handler: RequestListener): Server {
  return createHttpsServer(
    {
      ...LIMITS,
      ...contextOf(tls),
      requestCert: true,
      // Browsers have none; whether one counts is asked per request (peer-certificate.ts).
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    },
    handler,
  );
}

/** Another own certificate or other authorities, for handshakes from now on; connections stay. Nothing on plain HTTP. */
export function useTls(server: unknown, tls: TlsMaterial): void {
  if (server instanceof TlsServer) server.setSecureContext(contextOf(tls));
}

const contextOf = (tls: TlsMaterial): SecureContextOptions => ({
  key: tls.keyPem,
  cert: tls.chainPem,
  ca: tls.trustPem,
  minVersion: 'TLSv1.3',
  // A ticket would let its thief go on as the device without the device's key. With this flag OpenSSL keeps
  // sessions on the server, and Node stores none without a `newSession` listener: nothing can be resumed.
  secureOptions: constants.SSL_OP_NO_TICKET,
});

/** Answers what Node's parser refuses, in the form of every other error. */
export function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const body = JSON.stringify({
    type: problemType('request.invalid'),
    title: 'This is no request that can be read',
    status,
    code: 'request.invalid',
    instance: 'none',
  });
  socket.end(
    `HTTP/1.1 ${status} Bad Request\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
