/** One MQTT 3.1.1 connection over TLS 1.3 with the device's own key. The only file of the agent that knows the client library. */
import { X509Certificate } from 'node:crypto';
import { type SecureVersion, TLSSocket } from 'node:tls';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { messageOf } from './errors.ts';
import type { Pair } from './identity.ts';
import { fingerprintOf, splitRoots } from './trust.ts';

/** TCP, TLS and CONNACK together. */
const CONNECT_TIMEOUT_MS = 15_000;
/** The broker allows at most 120. */
const KEEPALIVE_SECONDS = 30;
/** Certificates from the broker's own up to its root; OpenSSL's own limit is far above. */
const MAX_CHAIN = 10;

export interface Will {
  readonly topic: string;
  readonly payload: string;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly clientId: string;
  readonly pair: Pair;
  /** PEM of the root that the broker must chain to. */
  readonly ca: string;
  readonly will: Will;
  readonly onMessage: (topic: string, payload: Uint8Array) => void;
  /** Silence of the broker for half as long again ends the connection. Default 30. */
  readonly keepaliveSeconds?: number | undefined;
  /** TCP, TLS and CONNACK together. Default 15 s. */
  readonly connectTimeoutMs?: number | undefined;
  /** Gives up while it is still connecting; an open connection is ended by its own methods. */
  readonly signal: AbortSignal;
}

export interface Connection {
  /** Resolves when the broker answered, with QoS 0 when it was written. @throws Error when the link broke before. */
  publish(topic: string, payload: string, options: { qos: 0 | 1; retain: boolean }): Promise<void>;
  /** Bytes that were given to the socket and are not on their way yet. */
  unsentBytes(): number;
  /** @throws Error when the broker refused or the link broke. */
  subscribe(filter: string): Promise<void>;
  /** SHA-256 of the root under which the broker's certificate stands, lower hex; null where it cannot be told. */
  serverRoot(): string | null;
  /** Resolves with the reason once the link is gone, whoever ended it. */
  readonly closed: Promise<string>;
  /** DISCONNECT, so that the broker publishes no will. */
  end(): Promise<void>;
  /** Closes the socket at once. */
  destroy(): void;
}

/** Why no connection came about. `refused`: the broker or TLS did not accept this client; else the network. */
export class ConnectError extends Error {
  override name = 'ConnectError';
  readonly refused: boolean;

  constructor(message: string, refused: boolean, cause?: unknown) {
    super(message, { cause });
    this.refused = refused;
  }
}

/** @throws ConnectError */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  // The library hands its options on to tls.connect, but its types do not say so.
  const clientOptions: IClientOptions & { minVersion: SecureVersion } = {
    protocolVersion: 4,
    clientId: options.clientId,
    clean: true,
    key: options.pair.private_key,
    cert: options.pair.certificate_chain,
    ca: options.ca,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    will: { topic: options.will.topic, payload: Buffer.from(options.will.payload), qos: 1, retain: true },
    // The reconnect loop is ours (link.ts): each try may use another key and has a new epoch in its will.
    reconnectPeriod: 0,
    connectTimeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    keepalive: options.keepaliveSeconds ?? KEEPALIVE_SECONDS,
    // Else each beat would put the next PINGREQ off, and a link that swallows everything would never be found out.
    reschedulePings: false,
    resubscribe: false,
    queueQoSZero: false,
  };
  const client = mqtt.connect(options.url, clientOptions);
  client.on('message', (topic, payload) => options.onMessage(topic, payload));
  await connected(client, options.signal);
  return wrap(client, options.ca);
}

function connected(client: MqttClient, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: Error | null = null;
    const abandon = (): void => {
      failure ??= new Error('stopped');
      client.end(true);
      client.stream?.destroy();
    };
    const fail = (): void => {
      signal.removeEventListener('abort', abandon);
      client.end(true);
      reject(
        new ConnectError(
          failure === null ? 'the connection was closed before CONNACK' : messageOf(failure),
          isRefusal(failure),
          failure,
        ),
      );
    };
    client.on('error', (error) => {
      failure ??= error;
    });
    client.once('close', fail);
    client.once('connect', () => {
      client.removeListener('close', fail);
      signal.removeEventListener('abort', abandon);
      resolve();
    });
    if (signal.aborted) abandon();
    else signal.addEventListener('abort', abandon);
  });
}

/** That of `trustedPem` which issued a certificate of the chain that TLS verified; servers do not send the root itself. */
function rootOf(stream: unknown, trustedPem: string): string | null {
  if (!(stream instanceof TLSSocket) || !stream.authorized) return null;
  const roots = splitRoots(trustedPem).map((pem) => new X509Certificate(pem));
  let certificate = stream.getPeerX509Certificate();
  for (let depth = 0; depth < MAX_CHAIN && certificate !== undefined; depth += 1) {
    const issued = certificate;
    const root = roots.find((one) => issued.checkIssued(one) && issued.verify(one.publicKey));
    if (root !== undefined) return fingerprintOf(root);
    certificate = issued.issuerCertificate;
  }
  return null;
}

/** CONNACK 2, 4, 5 or a TLS alert about our certificate; CONNACK 3 (busy) and network errors are not. */
function isRefusal(error: Error | null): boolean {
  if (error === null || !('code' in error)) return false;
  if (typeof error.code === 'number') return error.code !== 3;
  return typeof error.code === 'string' && error.code.startsWith('ERR_SSL');
}

function wrap(client: MqttClient, trustedPem: string): Connection {
  let failure: Error | null = null;
  let isClosed = false;
  client.on('error', (error) => {
    failure ??= error;
  });
  // What waits for an answer; a set and not reactions on `closed`, which would pile up over a long session.
  const waiting = new Set<(reason: Error) => void>();
  const closed = new Promise<string>((resolve) => {
    client.once('close', () => {
      isClosed = true;
      client.end(true);
      const reason = failure === null ? 'the connection was closed' : messageOf(failure);
      for (const giveUp of waiting) giveUp(new Error(reason));
      resolve(reason);
    });
  });
  const whileOpen = (start: () => Promise<unknown>): Promise<void> =>
    new Promise((resolve, reject) => {
      if (isClosed) {
        reject(new Error('the connection is closed'));
        return;
      }
      waiting.add(reject);
      start()
        .then(() => resolve(), reject)
        .finally(() => waiting.delete(reject));
    });

  return {
    publish: (topic, payload, { qos, retain }) =>
      whileOpen(() => client.publishAsync(topic, payload, { qos, retain })),
    serverRoot: () => rootOf(client.stream, trustedPem),
    unsentBytes: () => client.stream?.writableLength ?? 0,
    async subscribe(filter) {
      await whileOpen(async () => {
        const grants = await client.subscribeAsync(filter, { qos: 1 });
        if (grants.some((grant) => Number(grant.qos) > 2)) throw new Error(`subscription refused: ${filter}`);
      });
    },
    closed,
    async end() {
      if (!isClosed) await client.endAsync(false);
    },
    destroy: () => {
      client.end(true);
      client.stream?.destroy();
    },
  };
}
