/** The one file that imports the broker engine. Hooks never throw, answer once and at once; what fails is refused. */
import type { Duplex } from 'node:stream';
import { Aedes } from 'aedes';
import type { Limits } from './limits.ts';

/** What is known of a CONNECT before it is let in. */
export interface ConnectRequest {
  readonly clientId: string;
  /** False where the client asks for a session that outlives the connection. */
  readonly isClean: boolean;
  readonly isBridge: boolean;
  readonly will: Will | null;
}

export interface Will {
  readonly topic: string;
  readonly retain: boolean;
  readonly bytes: number;
}

export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: number;
  readonly retain: boolean;
}

/** Source: MQTT 3.1.1 table 3.1. */
export const CONNACK = { identifierRejected: 2, serverUnavailable: 3, notAuthorized: 5 } as const;
export type ConnackCode = (typeof CONNACK)[keyof typeof CONNACK];

/** Decisions of the broker, each made for the connection it was asked for. */
export interface EngineHooks {
  /** Null lets the client in. A bridge is cut without an answer, whatever this says. */
  connect(connection: Duplex, request: ConnectRequest): ConnackCode | null;
  accepted(connection: Duplex): void;
  mayPublish(connection: Duplex, message: Message): boolean;
  published(connection: Duplex, message: Message): void;
  maySubscribe(connection: Duplex, filter: string): boolean;
  unsubscribed(connection: Duplex, filters: readonly string[]): void;
  mayReceive(connection: Duplex, message: Message): boolean;
  failed(error: Error, text: string): void;
}

export interface Engine {
  /** Takes a connection over; the engine closes it in the end. */
  handle(connection: Duplex): void;
  /** Closes the client of a connection without publishing its will; false when it has none yet. */
  closeSilently(connection: Duplex): boolean;
  isConnected(clientId: string): boolean;
  publish(message: Message): void;
  close(): Promise<void>;
}

/** The part of the engine's own types that is used, so that its next version can be handed in by a test. */
export interface AedesClient {
  readonly id: string;
  readonly conn: object;
  will?: unknown;
  _will?: unknown;
  close(done?: () => void): void;
}

interface ConnectPacket {
  readonly clientId: string;
  readonly clean?: boolean;
  readonly bridgeMode?: boolean;
  readonly will?: { topic: string; payload: Buffer | string; retain?: boolean };
  readonly properties?: { sessionExpiryInterval?: number };
}

interface PublishPacket {
  readonly topic: string;
  payload: Buffer | string;
  readonly qos: number;
  readonly retain: boolean;
}

type Answer<T> = (error: Error | null, result?: T) => void;

export interface AedesOptions {
  concurrency: number;
  connectTimeout: number;
  drainTimeout: number;
  keepaliveLimit: number;
  maxClientsIdLength: number;
  maxTopicLevels: number;
  maxInflightInbound: number;
  preConnect(client: AedesClient, packet: ConnectPacket, done: Answer<boolean>): void;
  authenticate(client: AedesClient, user: unknown, password: unknown, done: Answer<boolean>): void;
  authorizePublish(
    client: AedesClient | null,
    packet: PublishPacket,
    done: (error?: Error | null) => void,
  ): void;
  authorizeSubscribe(client: AedesClient, sub: { topic: string }, done: Answer<object | null>): void;
  authorizeForward(client: AedesClient, packet: PublishPacket): PublishPacket | null;
  published(packet: PublishPacket, client: AedesClient | null, done: (error?: Error | null) => void): void;
}

export interface AedesBroker {
  handle(connection: Duplex): unknown;
  publish(packet: object, done: (error?: Error) => void): void;
  close(done: () => void): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

export type AedesFactory = (options: AedesOptions) => Promise<AedesBroker>;

/** The engine's typings want whole packets back where it takes any; the shapes above are those it passes. */
const createAedes: AedesFactory = (options) =>
  Aedes.createBroker(
    options as unknown as ConstructorParameters<typeof Aedes>[0],
  ) as unknown as Promise<AedesBroker>;

/** Longest client id in MQTT 3.1 is 23; ours are names of certificates. */
const MAX_CLIENT_ID_CHARS = 64;

/** How much later than the guard the engine acts by itself. */
const ENGINE_MARGIN_MS = 10_000;

export async function startEngine(
  hooks: EngineHooks,
  limits: Limits,
  factory: AedesFactory = createAedes,
): Promise<Engine> {
  const clients = new Map<object, AedesClient>();
  const requests = new WeakMap<object, ConnectPacket>();
  const broker = await factory({
    // Our own backlog limits bound memory; with the default of 100 one frozen subscriber stalled all others.
    concurrency: 0,
    // The guard watches both times, tells why it closes, and knows the kind of client; these are the last resort.
    connectTimeout: limits.connectTimeoutMs + ENGINE_MARGIN_MS,
    drainTimeout: limits.backlog.service.stallMs + ENGINE_MARGIN_MS,
    keepaliveLimit: limits.keepaliveSeconds,
    maxClientsIdLength: MAX_CLIENT_ID_CHARS,
    maxTopicLevels: limits.topicLevels,
    maxInflightInbound: limits.inflightQos2,
    preConnect(client, packet, done) {
      requests.set(client.conn, packet);
      const isBridge = packet.bridgeMode === true;
      if (isBridge) decide(() => hooks.connect(asDuplex(client.conn), requestOf(packet)), null);
      else if (packet.will !== undefined) packet.will.payload = ownCopy(packet.will.payload);
      done(isBridge ? new Error('bridge protocol refused') : null, !isBridge);
    },
    authenticate(client, _user, _password, done) {
      const packet = requests.get(client.conn);
      const code = decide(
        () =>
          packet === undefined
            ? CONNACK.notAuthorized
            : hooks.connect(asDuplex(client.conn), requestOf(packet)),
        CONNACK.serverUnavailable,
      );
      if (code === null) clients.set(client.conn, client);
      done(
        code === null ? null : Object.assign(new Error('connect refused'), { returnCode: code }),
        code === null,
      );
    },
    authorizePublish(client, packet, done) {
      // No client: the will of an engine that died. We keep no state over a restart, so there is none to honour.
      const isAllowed =
        client !== null && decide(() => hooks.mayPublish(asDuplex(client.conn), messageOf(packet)), false);
      if (isAllowed && packet.retain) packet.payload = ownCopy(packet.payload);
      done(isAllowed ? null : new Error('publish refused'));
    },
    published(packet, client, done) {
      if (client !== null) decide(() => hooks.published(asDuplex(client.conn), messageOf(packet)), undefined);
      done(null);
    },
    authorizeSubscribe(client, subscription, done) {
      const isAllowed = decide(() => hooks.maySubscribe(asDuplex(client.conn), subscription.topic), false);
      done(null, isAllowed ? subscription : null);
    },
    authorizeForward: (client, packet) =>
      decide(() => hooks.mayReceive(asDuplex(client.conn), messageOf(packet)), false) ? packet : null,
  });

  function decide<T>(ask: () => T, refusal: T): T {
    try {
      return ask();
    } catch (error) {
      // A hook that throws would end the process.
      hooks.failed(asError(error), 'a decision failed and was refused');
      return refusal;
    }
  }

  broker.on('error', (error: Error) => hooks.failed(asError(error), 'engine error'));
  broker.on('clientReady', (client: AedesClient) =>
    decide(() => hooks.accepted(asDuplex(client.conn)), undefined),
  );
  broker.on('clientDisconnect', (client: AedesClient) => clients.delete(client.conn));
  broker.on('unsubscribe', (filters: readonly string[], client: AedesClient) =>
    decide(() => hooks.unsubscribed(asDuplex(client.conn), filters), undefined),
  );

  return {
    handle: (connection) => {
      connection.once('close', () => clients.delete(connection));
      broker.handle(connection);
    },
    closeSilently(connection) {
      const client = clients.get(connection);
      if (client === undefined) return false;
      silence(client);
      client.close();
      return true;
    },
    isConnected: (clientId) => [...clients.values()].some((client) => client.id === clientId),
    publish({ topic, payload, qos, retain }) {
      broker.publish({ cmd: 'publish', topic, payload, qos, retain, dup: false }, (error) => {
        if (error !== undefined && error !== null) hooks.failed(error, 'publish of our own failed');
      });
    },
    close() {
      // Devices that we hang up on are not lost: they come back to the next process.
      for (const client of clients.values()) silence(client);
      return new Promise((resolve) => broker.close(resolve));
    },
  };
}

/** The engine copies `_will` to `will` while it connects, so both go. */
function silence(client: AedesClient): void {
  client.will = null;
  client._will = null;
}

const requestOf = (packet: ConnectPacket): ConnectRequest => ({
  clientId: packet.clientId,
  isClean: packet.clean === true && (packet.properties?.sessionExpiryInterval ?? 0) === 0,
  isBridge: packet.bridgeMode === true,
  will:
    packet.will === undefined
      ? null
      : {
          topic: packet.will.topic,
          retain: packet.will.retain === true,
          bytes: Buffer.byteLength(packet.will.payload),
        },
});

const messageOf = (packet: PublishPacket): Message => ({
  topic: packet.topic,
  payload: typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload,
  qos: packet.qos,
  retain: packet.retain,
});

/** Payloads are slices of what was read from the socket; one that is kept must not keep all of that. */
function ownCopy(payload: Buffer | string): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** Every connection was handed to `handle` as a Duplex. */
const asDuplex = (connection: object): Duplex => connection as Duplex;

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
