/** TLS 1.3 with client certificates and no resumption; connections are counted before they cost anything. */
import { constants, type X509Certificate } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
import type { Limits } from './limits.ts';

export interface ListenerOptions extends TlsMaterial {
  readonly host: string;
  readonly port: number;
  readonly limits: Limits;
  /** A client whose certificate was verified by TLS. */
  secured(socket: TLSSocket, certificate: X509Certificate): void;
  /** TLS failed; `code` is OpenSSL's or Node's. */
  handshakeFailed(code: string, address: string): void;
  /** Closed before TLS for want of room. */
  crowded(address: string): void;
}

/** Own certificate, and who may sign clients. */
export interface TlsMaterial {
  readonly tls: { readonly keyPem: string; readonly chainPem: string };
  readonly trustPem: string;
}

export interface Listener {
  readonly port: number;
  readonly connections: number;
  /** For handshakes from now on; connections stay. */
  useTls(material: TlsMaterial): void;
  stop(): Promise<void>;
}

/** @throws Error of `listen`, such as EADDRINUSE. */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const { limits } = options;
  const open = new Set<Socket>();
  const handshakes = createHandshakeCount();

  const secure = createTlsServer({
    ...contextOf(options),
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: limits.handshakeTimeoutMs,
  });
  secure.on('secureConnection', (socket) => {
    handshakes.end(socket);
    const certificate = socket.getPeerX509Certificate();
    if (!socket.authorized || certificate === undefined) socket.destroy();
    else options.secured(socket, certificate);
  });
  secure.on('tlsClientError', (error: Error & { code?: string }, socket) => {
    options.handshakeFailed(error.code ?? error.message, socket.remoteAddress ?? '');
    socket.destroy();
  });

  const server = createServer((socket) => {
    const address = socket.remoteAddress ?? '';
    if (open.size >= limits.maxConnections || !handshakes.begin(socket, limits)) {
      options.crowded(address);
      socket.destroy();
      return;
    }
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      handshakes.end(socket);
    });
    socket.on('error', () => socket.destroy());
    socket.setNoDelay(true);
    secure.emit('connection', socket);
  });
  await listen(server, options);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    get connections() {
      return open.size;
    },
    useTls: (material) => secure.setSecureContext(contextOf(material)),
    stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      return closed;
    },
  };
}

const contextOf = ({ tls, trustPem }: TlsMaterial): SecureContextOptions => ({
  key: tls.keyPem,
  cert: tls.chainPem,
  ca: trustPem,
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  // A stolen ticket resumed as the device without its key; nothing resumes here. No session store is kept either.
  secureOptions: constants.SSL_OP_NO_TICKET,
});

const listen = (server: Server, { host, port }: ListenerOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });

interface Peer {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** Connections between TCP and TLS, over all and per address. */
function createHandshakeCount() {
  const pending = new Map<string, string>();
  const perAddress = new Map<string, number>();
  const keyOf = ({ remoteAddress, remotePort }: Peer): string => `${remoteAddress} ${remotePort}`;
  const keys = new WeakMap<object, string>();
  return {
    begin(socket: Socket, { maxHandshakes, maxHandshakesPerAddress }: Limits): boolean {
      const address = socket.remoteAddress ?? '';
      const count = perAddress.get(address) ?? 0;
      if (pending.size >= maxHandshakes || count >= maxHandshakesPerAddress) return false;
      // Address and port are gone once the socket is closed.
      keys.set(socket, keyOf(socket));
      pending.set(keyOf(socket), address);
      perAddress.set(address, count + 1);
      return true;
    },
    end(socket: Peer): void {
      const key = keys.get(socket) ?? keyOf(socket);
      const address = pending.get(key);
      if (address === undefined) return;
      pending.delete(key);
      const count = (perAddress.get(address) ?? 1) - 1;
      if (count > 0) perAddress.set(address, count);
      else perAddress.delete(address);
    },
  };
}
