/** The broker's decisions on connects, publishes, filters and deliveries, each refused one noted with its reason. */
import {
  CHANNELS,
  canPublish,
  canSubscribe,
  decodeSystemPayload,
  parseSystemTopic,
  parseTopic,
  type RefusalReason,
} from '#contract';
import { CONNACK, type ConnackCode, type ConnectRequest, type EngineHooks, type Message } from './aedes.ts';
import type { Denied, DenyList } from './deny-list.ts';
import type { Limits } from './limits.ts';
import type { BrokerLog } from './log.ts';
import type { Counters } from './metrics.ts';
import type { Refusals } from './refusals.ts';
import type { Session, Sessions } from './sessions.ts';
import type { TokenBuckets } from './token-bucket.ts';

export interface GatekeeperDeps {
  readonly sessions: Sessions;
  readonly denyList: DenyList;
  readonly refusals: Refusals;
  readonly counters: Counters;
  readonly limits: Limits;
  readonly connectRate: TokenBuckets;
  readonly now: () => number;
  readonly log: BrokerLog;
  /** Is a client with this id there already? */
  isConnected(clientId: string): boolean;
  /** Closes every connection of these certificates and organisations without their wills. */
  cut(denied: Denied): void;
}

/** A refusal and the answer to CONNECT that goes with it. */
type ConnectRefusal = readonly [reason: RefusalReason, code: ConnackCode, detail: string];

export function createGatekeeper(deps: GatekeeperDeps): EngineHooks {
  const { sessions, refusals, counters, log } = deps;

  const refuse = (session: Session, reason: RefusalReason, detail: string): false => {
    refusals.note(session.identity.principal, reason, detail);
    return false;
  };

  return {
    connect(connection, request) {
      const session = sessions.of(connection);
      if (session === undefined) return CONNACK.notAuthorized;
      const refusal = connectRefusal(deps, session, request);
      if (refusal === null) return null;
      refuse(session, refusal[0], refusal[2]);
      return refusal[1];
    },

    accepted(connection) {
      const session = sessions.of(connection);
      if (session === undefined) return;
      session.isAccepted = true;
      session.guard.accept();
    },

    mayPublish(connection, message) {
      const session = sessions.of(connection);
      if (session === undefined || session.isRevoked) return false;
      const { principal } = session.identity;
      if (!session.mayPublish(message.topic)) return refuse(session, 'publish.topic', message.topic);
      if (message.retain && !mayRetain(message.topic, message.payload.length, session, deps.limits)) {
        return refuse(session, 'publish.retained_limit', message.topic);
      }
      counters.messagesIn += 1;
      if (message.qos < 2) session.guard.publishStarted();
      if (principal.kind === 'service' && parseSystemTopic(message.topic) === 'revocations') {
        takeRevocations(deps, message);
      }
      return true;
    },

    published(connection, message) {
      if (message.qos < 2) sessions.of(connection)?.guard.publishEnded();
    },

    maySubscribe(connection, filter) {
      const session = sessions.of(connection);
      if (session === undefined || session.isRevoked) return false;
      const { principal } = session.identity;
      if (!canSubscribe(principal, filter)) return refuse(session, 'subscribe.topic', filter);
      const most =
        principal.kind === 'service' ? deps.limits.serviceSubscriptions : deps.limits.subscriptions;
      if (!session.filters.has(filter) && session.filters.size >= most) {
        return refuse(session, 'subscribe.limit', filter);
      }
      session.filters.add(filter);
      return true;
    },

    unsubscribed(connection, filters) {
      const held = sessions.of(connection)?.filters;
      for (const filter of filters) held?.delete(filter);
    },

    mayReceive(connection, message) {
      const session = sessions.of(connection);
      if (session === undefined || session.isRevoked || !session.mayReceive(message.topic)) return false;
      counters.messagesOut += 1;
      return true;
    },

    failed: (error, text) => log.error({ err: error }, text),
  };
}

/** In the order of cost: what is known from the certificate first. */
function connectRefusal(
  { denyList, connectRate, limits, now, isConnected }: GatekeeperDeps,
  session: Session,
  request: ConnectRequest,
): ConnectRefusal | null {
  const { principal, clientId, serial } = session.identity;
  const isService = principal.kind === 'service';
  if (session.isRevoked || denyList.has(serial)) return ['identity.revoked', CONNACK.notAuthorized, serial];
  if (principal.kind !== 'service' && denyList.isSuspended(principal.org)) {
    return ['identity.suspended', CONNACK.notAuthorized, 'organisation suspended'];
  }
  if (!isService && !denyList.isReady) {
    return ['identity.not_ready', CONNACK.serverUnavailable, 'no list of revocations yet'];
  }
  if (!isService && !connectRate.get(clientId, now()).tryTake(1, now())) {
    const reason = isConnected(clientId) ? 'identity.takeover_rate' : 'rate.connect';
    return [reason, CONNACK.serverUnavailable, 'too many CONNECTs'];
  }
  if (request.isBridge) return ['session.bridge', CONNACK.notAuthorized, 'bridge protocol'];
  if (request.clientId !== clientId) {
    return ['identity.client_id', CONNACK.identifierRejected, request.clientId];
  }
  if (!request.isClean && !(isService && limits.persistentServiceSessions)) {
    return ['session.persistent', CONNACK.notAuthorized, 'clean session required'];
  }
  const { will } = request;
  if (will === null) return null;
  const isOwn = canPublish(principal, will.topic);
  const isKeepable = !will.retain || mayRetain(will.topic, will.bytes, session, limits);
  return isOwn && isKeepable && will.bytes <= limits.retainedBytes
    ? null
    : ['will.topic', CONNACK.notAuthorized, will.topic];
}

/** Only channels that the contract retains, so a device never holds more of them than the table has; and only small. */
function mayRetain(topic: string, bytes: number, { identity }: Session, limits: Limits): boolean {
  if (identity.principal.kind === 'service') return true;
  const target = parseTopic(topic);
  return target !== null && CHANNELS[target.channel].retain && bytes <= limits.retainedBytes;
}

/** The control plane's word is law before its PUBACK goes out. */
function takeRevocations({ denyList, log, cut }: GatekeeperDeps, message: Message): void {
  const decoded = decodeSystemPayload('revocations', message.payload);
  if (!decoded.ok) {
    log.error({ reason: decoded.reason }, 'list of revocations cannot be read');
    return;
  }
  const wasReady = denyList.isReady;
  const fresh = denyList.apply(decoded.value);
  cut(fresh);
  if (fresh.serials.length > 0) {
    log.info({ added: fresh.serials.length, total: denyList.size }, 'certificates revoked');
  }
  if (fresh.orgs.length > 0) log.info({ orgs: fresh.orgs }, 'organisations suspended');
  if (!wasReady && denyList.isReady)
    log.info({ total: denyList.size }, 'revocations known, devices are let in');
}
