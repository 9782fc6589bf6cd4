/** Every bound of the broker in one table, with its reason. Source of most: the guard settings in RELIABILITY §1 and B3. */
import { MAX_TOPIC_LEVELS, type PrincipalKind } from '#contract';

const KIB = 1024;
const MIB = 1024 * KIB;

export interface Limits {
  /** Largest frame before CONNECT is accepted. Three sockets with 100 MB of an unfinished CONNECT once cost 322 MB. */
  readonly frameBytesBeforeConnect: number;
  /** Largest frame afterwards; a full batch of 1,000 records fits. */
  readonly frameBytes: number;
  /** From TLS secured to CONNECT accepted. */
  readonly connectTimeoutMs: number;
  /** From TCP accepted to TLS secured. */
  readonly handshakeTimeoutMs: number;
  /** From a frame's first byte to its last: 256 KiB in this time needs 9 kB/s. */
  readonly frameTimeoutMs: number;
  readonly maxConnections: number;
  /** Connections that have not finished TLS, over all. Above it new ones are closed at once, which costs nothing. */
  readonly maxHandshakes: number;
  /** The same from one address, so that one attacker does not take every place. */
  readonly maxHandshakesPerAddress: number;
  readonly deviceMessagesPerSecond: number;
  readonly deviceMessageBurst: number;
  readonly orgMessagesPerSecond: number;
  readonly orgMessageBurst: number;
  /** CONNECTs of one identity; the burst lets an agent that restarts twice come back at once. */
  readonly connectsPerSecond: number;
  readonly connectBurst: number;
  /** Filters that one client may hold, and that one SUBSCRIBE may name. */
  readonly subscriptions: number;
  readonly serviceSubscriptions: number;
  /** Largest retained payload and will of a device: they stay in memory while it is away. */
  readonly retainedBytes: number;
  /** Publishes of one client that are under way inside the broker; above it its socket is not read. */
  readonly inflightPublishes: number;
  /** QoS 2 publishes without PUBREL, per client. */
  readonly inflightQos2: number;
  readonly topicLevels: number;
  /** Longest keepalive; none at all is refused as well. */
  readonly keepaliveSeconds: number;
  readonly backlog: Readonly<Record<PrincipalKind, Backlog>>;
  /** Lets services keep a session. Off: their queue would be without bound and end with the process. */
  readonly persistentServiceSessions: boolean;
}

/** What may wait for one client that reads slowly. */
export interface Backlog {
  /** From here on publishers wait for this client. Only for services: nobody else may slow others down. */
  readonly softBytes: number;
  /** Above this the client is cut. */
  readonly hardBytes: number;
  /** Without one byte of progress for so long, with bytes waiting, the client is cut. */
  readonly stallMs: number;
  /** What is written within this time goes out in one piece; 0 = within one turn of the event loop. */
  readonly gatherMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  frameBytesBeforeConnect: 4 * KIB,
  frameBytes: 256 * KIB,
  connectTimeoutMs: 5000,
  handshakeTimeoutMs: 10_000,
  frameTimeoutMs: 30_000,
  maxConnections: 20_000,
  maxHandshakes: 2000,
  maxHandshakesPerAddress: 500,
  deviceMessagesPerSecond: 50,
  deviceMessageBurst: 200,
  orgMessagesPerSecond: 5000,
  orgMessageBurst: 20_000,
  connectsPerSecond: 1,
  connectBurst: 5,
  subscriptions: 16,
  serviceSubscriptions: 256,
  retainedBytes: 4 * KIB,
  inflightPublishes: 64,
  inflightQos2: 100,
  topicLevels: MAX_TOPIC_LEVELS,
  keepaliveSeconds: 120,
  backlog: {
    device: { softBytes: Number.MAX_SAFE_INTEGER, hardBytes: MIB, stallMs: 10_000, gatherMs: 0 },
    integration: { softBytes: Number.MAX_SAFE_INTEGER, hardBytes: 4 * MIB, stallMs: 10_000, gatherMs: 0 },
    // All that devices say goes to a service: a system call for every message would cost more than the message.
    service: { softBytes: 16 * MIB, hardBytes: 128 * MIB, stallMs: 60_000, gatherMs: 2 },
  },
  persistentServiceSessions: false,
};
