/** The MQTT broker: listener, guards, engine and decisions put together. */
import type { TLSSocket } from 'node:tls';
import { type RefusalReason, systemTopic } from '#contract';
import { type AedesFactory, startEngine } from './aedes.ts';
import { createDenyList } from './deny-list.ts';
import { FrameGuard } from './frame-guard.ts';
import { createGatekeeper } from './gatekeeper.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { startListener, type TlsMaterial } from './listener.ts';
import type { BrokerLog } from './log.ts';
import { type BrokerMetrics, createCounters, startLagMeter } from './metrics.ts';
import { type CheckedPacket, PACKET } from './packet-check.ts';
import { type Identity, identityOf } from './principal.ts';
import { createRefusals } from './refusals.ts';
import { createSessions, type Session } from './sessions.ts';
import { createTokenBuckets } from './token-bucket.ts';

export interface BrokerOptions extends TlsMaterial {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly log: BrokerLog;
  readonly limits?: Partial<Limits>;
  /** Milliseconds of a clock that never steps back. */
  readonly now?: () => number;
  /** Another version of the engine, for tests. */
  readonly implementation?: AedesFactory;
}

export interface RunningBroker {
  readonly port: number;
  metrics(): BrokerMetrics;
  /** Another own certificate or other authorities, for handshakes from now on; sessions stay. */
  useTls(material: TlsMaterial): void;
  /** Hangs up on everybody without publishing wills. Idempotent. */
  stop(): Promise<void>;
}

/** Deadlines are checked and refusals reported so often. */
const TICK_MS = 1000;
/** Buckets that are full again are forgotten so often. */
const SWEEP_TICKS = 10;
/** Lines about refusals per second; the rest is in the counters and in the report. */
const MAX_LOG_LINES = 50;
/** Price of a packet that carries no message: ten times as many may come. */
const SMALL_COST = 0.1;
/** Handshakes that fail for reasons other than a certificate. */
const NETWORK_FAULTS: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ERR_TLS_HANDSHAKE_TIMEOUT',
  'EPIPE',
  'ETIMEDOUT',
]);

/** @throws Error of `listen`, such as EADDRINUSE. */
export async function startBroker(options: BrokerOptions): Promise<RunningBroker> {
  const { log, now = () => performance.now() } = options;
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const sessions = createSessions();
  const denyList = createDenyList();
  const refusals = createRefusals();
  const counters = createCounters();
  const lagMeter = startLagMeter();
  const connectRate = createTokenBuckets({ perSecond: limits.connectsPerSecond, burst: limits.connectBurst });
  const deviceRate = createTokenBuckets({
    perSecond: limits.deviceMessagesPerSecond,
    burst: limits.deviceMessageBurst,
  });
  const orgRate = createTokenBuckets({
    perSecond: limits.orgMessagesPerSecond,
    burst: limits.orgMessageBurst,
  });

  const gatekeeper = createGatekeeper({
    sessions,
    denyList,
    refusals,
    counters,
    limits,
    connectRate,
    now,
    log,
    isConnected: (clientId) => engine.isConnected(clientId),
    cut({ serials, orgs }) {
      for (const session of serials.flatMap((serial) => sessions.withSerial(serial))) {
        cut(session, 'identity.revoked', session.identity.serial);
      }
      if (orgs.length === 0) return;
      const suspended = new Set(orgs);
      for (const session of [...sessions.all()]) {
        const { principal } = session.identity;
        if (principal.kind === 'service' || !suspended.has(principal.org)) continue;
        cut(session, 'identity.suspended', 'organisation suspended');
      }
    },
  });
  const engine = await startEngine(gatekeeper, limits, options.implementation);

  const cut = (session: Session, reason: RefusalReason, detail: string): void => {
    session.isRevoked = true;
    refusals.note(session.identity.principal, reason, detail);
    engine.closeSilently(session.guard);
    session.guard.cut();
  };

  /** Price of one packet in messages; services are ours and pay nothing. */
  const reserve = ({ principal, clientId }: Identity, packet: CheckedPacket): number => {
    if (principal.kind === 'service') return 0;
    const { type } = packet;
    const isMessage = type === PACKET.publish || type === PACKET.subscribe || type === PACKET.unsubscribe;
    const cost = isMessage ? 1 : SMALL_COST;
    const nowMs = now();
    const ownWaitMs = deviceRate.get(clientId, nowMs).reserve(cost, nowMs);
    const orgWaitMs = orgRate.get(principal.org, nowMs).reserve(cost, nowMs);
    if (ownWaitMs > 0) refusals.note(principal, 'rate.device', 'slowed down');
    else if (orgWaitMs > 0) refusals.note(principal, 'rate.org', 'slowed down');
    return Math.max(ownWaitMs, orgWaitMs);
  };

  const admit = (socket: TLSSocket, identity: Identity): void => {
    const { kind } = identity.principal;
    const guard = new FrameGuard({
      socket,
      limits,
      backlog: limits.backlog[kind],
      maxFilters: kind === 'service' ? limits.serviceSubscriptions : limits.subscriptions,
      now,
      events: {
        refused: (reason: RefusalReason, detail) => refusals.note(identity.principal, reason, detail),
        reserve: (packet) => reserve(identity, packet),
        received: (bytes) => {
          counters.bytesIn += bytes;
        },
        sent: (bytes) => {
          counters.bytesOut += bytes;
        },
      },
    });
    sessions.add(identity, guard);
    engine.handle(guard);
  };

  const listener = await startListener({
    host: options.host,
    port: options.port,
    tls: options.tls,
    trustPem: options.trustPem,
    limits,
    secured(socket, certificate) {
      const identity = identityOf(certificate);
      if (identity !== null) {
        admit(socket, identity);
        return;
      }
      refusals.note(null, 'identity.unknown', certificate.subject);
      socket.destroy();
    },
    handshakeFailed(code, address) {
      counters.handshakeFailures += 1;
      if (!NETWORK_FAULTS.has(code)) refusals.note(null, 'identity.unknown', `${code} from ${address}`);
    },
    crowded: (address) => refusals.note(null, 'connections.limit', address),
  });

  const report = (): void => {
    const entries = refusals.take();
    if (entries.length === 0) return;
    for (const { reason, ...entry } of entries.slice(0, MAX_LOG_LINES))
      log.warn({ code: reason, ...entry }, 'refused');
    const payload = Buffer.from(JSON.stringify({ refusals: entries }));
    engine.publish({ topic: systemTopic('refusals'), payload, qos: 1, retain: false });
  };

  let ticks = 0;
  const ticker = setInterval(() => {
    for (const session of sessions.all()) session.guard.checkDeadlines();
    report();
    ticks += 1;
    if (ticks % SWEEP_TICKS === 0) for (const rate of [connectRate, deviceRate, orgRate]) rate.sweep(now());
  }, TICK_MS);

  let stopped: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    clearInterval(ticker);
    report();
    await engine.close();
    await listener.stop();
    lagMeter.stop();
  };

  log.info({ host: options.host, port: listener.port }, 'broker listens');
  return {
    port: listener.port,
    metrics: () => ({
      connections: listener.connections,
      clients: sessions.countAccepted(),
      ...counters,
      refusals: refusals.totals(),
      revokedSerials: denyList.size,
      isReady: denyList.isReady,
      eventLoopLagMs: lagMeter.read(),
    }),
    useTls: (material) => listener.useTls(material),
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}
