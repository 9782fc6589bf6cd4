/** One running agent: link, heartbeat, telemetry, renewal and the HTTPS fallback, wired together. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChannelName, decodePayload, type ServiceStatus, type TelemetrySettings } from '#contract';
import type { BackoffLimits } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Facts } from './collectors/facts.ts';
import type { Collectors, Sample } from './collectors/sample.ts';
import { openCredentials } from './credentials.ts';
import { createDeviceApi, type DeviceApi } from './device-api.ts';
import { messageOf } from './errors.ts';
import { createFallback, FALLBACK_AFTER_MS, validToken } from './fallback.ts';
import { buildHeartbeat, nextBeatMs } from './heartbeat.ts';
import { addressOf, factsOf, type Identity, readIdentity, STATE_FILES } from './identity.ts';
import { type Link, type Session, startLink } from './link.ts';
import type { Log } from './log.ts';
import type { StartLogSource } from './log-source.ts';
import { startLogShipper } from './logs/shipper.ts';
import type { OutboxLimits } from './outbox/limits.ts';
import type { OutboxDepth } from './outbox/outbox.ts';
import { createRenewal } from './renewal.ts';
import { type Durability, openStateFolder } from './state.ts';
import { startTelemetry } from './telemetry.ts';
import { DEFAULT_TELEMETRY_CONFIG, type TelemetryConfig } from './telemetry-config.ts';
import { openTokens } from './tokens.ts';
import { openTrust } from './trust.ts';
import { AGENT_VERSION } from './version.ts';

/** Facts are read again this often. */
const FACTS_EVERY_MS = 600_000;

export interface AgentOptions {
  readonly stateDir: string;
  readonly log: Log;
  readonly collectors: Collectors;
  readonly now?: () => Date;
  readonly random?: () => number;
  /** Default: what the enrolment answered. */
  readonly heartbeatIntervalMs?: number | undefined;
  /** Services that must run, or the device calls itself degraded. */
  readonly watchedServices?: ReadonlySet<string>;
  readonly backoff?: BackoffLimits;
  readonly resendAfterMs?: number;
  readonly fallbackAfterMs?: number;
  readonly outboxLimits?: Partial<OutboxLimits>;
  /** Default: every part as shipped. */
  readonly telemetryConfig?: TelemetryConfig;
  /** In use until the organisation says something else; default: as shipped. */
  readonly telemetryDefaults?: TelemetrySettings;
  /** Default: the machine's own logs. */
  readonly startLogs?: StartLogSource;
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly keepaliveSeconds?: number;
  readonly connectTimeoutMs?: number;
  readonly api?: DeviceApi;
  /** Default: what is written survives a power cut. */
  readonly durability?: Durability;
}

export interface AgentStatus {
  readonly deviceId: string;
  readonly isConnected: boolean;
  readonly epoch: number | null;
  readonly certificateSerial: string;
  readonly outbox: OutboxDepth;
  /** Beats of this process that the control plane acknowledged. */
  readonly acknowledgedBeats: number;
}

export interface Running {
  readonly identity: Identity;
  status(): AgentStatus;
  /** Ends the session without a goodbye and connects anew. */
  reconnect(): void;
  /** Takes another local telemetry file into use. */
  reload(config: TelemetryConfig): Promise<void>;
  /** Says goodbye, flushes and disconnects within 3 s. Idempotent. */
  stop(reason?: string): Promise<void>;
}

/**
 * Starts and returns at once; connecting goes on in the background for as long as it takes.
 * @throws AgentError `not_enrolled`; `state` when the folder is damaged or another agent runs on it.
 */
export async function startAgent(options: AgentOptions): Promise<Running> {
  const { stateDir, log, collectors, now = () => new Date(), random = Math.random } = options;
  const watchedServices = options.watchedServices ?? new Set<string>();
  const durability = options.durability ?? 'power-cut';
  const folder = await openStateFolder(stateDir, { durability });
  const identity = await readIdentity(folder);
  const address = addressOf(identity);
  const credentials = await openCredentials(folder, identity.client_id);
  const tokens = await openTokens(folder, now);
  const trust = await openTrust(folder, identity);
  const api = options.api ?? createDeviceApi(identity.cloud_url, trust.httpsRoots);
  const https = { api, deviceId: identity.device_id, tokens, pair: () => credentials.current() };
  const intervalMs = options.heartbeatIntervalMs ?? identity.heartbeat_interval_seconds * 1000;
  const stopping = new AbortController();
  let services: ServiceStatus[] = [];
  let facts: Facts | null = null;
  let factsReadAtMs = Number.NEGATIVE_INFINITY;
  /** Per session: beats said, and the facts that the server has. */
  let seq = 0;
  let factsSaid: string | null = null;
  let acknowledgedBeats = 0;

  // The link is started last, when everything that hears from it is there.
  let sessionOf: () => Session | null = () => null;
  const telemetry = await startTelemetry({
    folder,
    collectors,
    config: options.telemetryConfig ?? DEFAULT_TELEMETRY_CONFIG,
    defaults: options.telemetryDefaults,
    startLogs: options.startLogs ?? startLogShipper,
    services: () => services,
    session: () => sessionOf(),
    log,
    now,
    clock: options.clock,
    limits: options.outboxLimits,
    resendAfterMs: options.resendAfterMs,
  });
  const sendFallback = createFallback({ ...https, log, now });
  const renewal = createRenewal({
    credentials,
    log,
    now,
    random,
    ask: async (request) => (await link.session()?.publish('certificate/request', request)) ?? false,
    askOverHttps: async (csr) =>
      (await api.renew(identity.device_id, await validToken(https), csr)).certificate_chain,
    reconnect: () => link.reconnect(),
  });

  const factsWithMuted = (): Facts | null => {
    const muted = link.mutedChannels();
    if (facts === null) return null;
    const said = { ...facts, trusted_roots: trust.fact() };
    return muted.length === 0 ? said : { ...said, muted_channels: muted.join(', ') };
  };
  const isLongDown = (): boolean => {
    const downSince = link.downSince();
    const limitMs = options.fallbackAfterMs ?? FALLBACK_AFTER_MS;
    return downSince !== null && now().getTime() - downSince.getTime() >= limitMs;
  };
  const say = async (sample: Sample): Promise<void> => {
    const session = link.session();
    const known = factsWithMuted();
    const common = {
      sample,
      services,
      watchedServices,
      firmwareVersion: identity.firmware_version,
      agentVersion: AGENT_VERSION,
      outbox: telemetry.depth(),
      telemetryVersion: telemetry.version(),
      sentAt: now(),
    };
    if (session !== null) {
      seq += 1;
      const text = JSON.stringify(known);
      const isNews = known !== null && text !== factsSaid;
      const beat = buildHeartbeat({
        ...common,
        certificateSerial: session.certificateSerial,
        session: { epoch: session.epoch, seq },
        facts: isNews ? known : null,
      });
      // Not awaited: a stalled broker must not hold up the next look at the machine.
      void session.publish('heartbeat', beat).then((isSent) => {
        if (isSent && isNews && link.session() === session) factsSaid = text;
      });
    } else if (isLongDown()) {
      const certificateSerial = factsOf(credentials.current()).serial;
      await sendFallback(buildHeartbeat({ ...common, certificateSerial, session: null, facts: known }));
    }
  };

  const onSession = async (session: Session): Promise<void> => {
    seq = 0;
    factsSaid = null;
    await noteConnection(session.epoch);
    const sample = await collectors.sample();
    if (link.session() !== session) return;
    await say(sample);
    telemetry.sessionBegan();
  };
  const noteConnection = (epoch: number | null): Promise<void> =>
    folder
      .writeJson(STATE_FILES.status, {
        pid: process.pid,
        connected: epoch !== null,
        epoch,
        at: now().toISOString(),
      })
      .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'status cannot be written'));

  const onMessage = async (channel: ChannelName, payload: Uint8Array, session: Session): Promise<void> => {
    if (channel === 'ack') {
      const decoded = decodePayload('ack', payload);
      if (!decoded.ok) {
        log.warn({ channel, reason: decoded.reason }, 'message dropped');
        return;
      }
      const ack = decoded.value;
      if (ack.auth_token !== undefined && ack.auth_token_expires_at !== undefined) {
        await tokens.save(ack.auth_token, ack.auth_token_expires_at);
      }
      if (ack.stream !== 'heartbeat') {
        telemetry.acknowledged(ack);
      } else if (ack.boot_id === String(session.epoch)) {
        acknowledgedBeats += 1;
        link.confirm();
        link.holdOff(ack.retry_after_ms ?? 0);
        // Committed with its serial: from here on the server counts on the new certificate alone.
        if (session.pair === 'next') await credentials.promoteNext();
      }
    } else if (channel === 'certificate/issued') {
      const decoded = decodePayload('certificate/issued', payload);
      if (decoded.ok) {
        const { trusted_roots: roots } = decoded.value;
        if (roots !== undefined) {
          await trust.replace(roots, session.serverRoot);
          log.info({ roots: trust.fact() }, 'roots replaced');
        }
        await renewal.issued(decoded.value);
      } else log.warn({ channel, reason: decoded.reason }, 'message dropped');
    } else if (channel === 'telemetry') {
      const decoded = decodePayload('telemetry', payload);
      if (decoded.ok) await telemetry.apply(decoded.value);
      else log.warn({ channel, reason: decoded.reason }, 'message dropped');
    } else if (channel === 'control') {
      const decoded = decodePayload('control', payload);
      if (decoded.ok) telemetry.control(decoded.value);
      else log.warn({ channel, reason: decoded.reason }, 'message dropped');
    }
  };
  const reporting = (what: string) => (error: unknown) => log.error({ reason: messageOf(error) }, what);

  const link: Link = startLink({
    url: identity.mqtt_url,
    clientId: identity.client_id,
    address,
    ca: trust.roots,
    credentials,
    folder,
    log,
    now,
    random,
    agentVersion: AGENT_VERSION,
    ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
    keepaliveSeconds: options.keepaliveSeconds,
    connectTimeoutMs: options.connectTimeoutMs,
    onSession: (session) => void onSession(session).catch(reporting('first heartbeat failed')),
    onSessionEnd: () => {
      telemetry.sessionEnded();
      void noteConnection(null);
    },
    onMessage: (channel, payload, session) =>
      void onMessage(channel, payload, session).catch(reporting('message could not be handled')),
  });

  sessionOf = link.session;

  const look = async (): Promise<Sample> => {
    if (now().getTime() - factsReadAtMs >= FACTS_EVERY_MS) {
      factsReadAtMs = now().getTime();
      facts = await collectors.facts();
    }
    const [sample, found] = await Promise.all([collectors.sample(), collectors.services()]);
    services = found;
    telemetry.noteServices(found);
    return sample;
  };
  const loop = (async () => {
    let isFirst = true;
    while (!stopping.signal.aborted) {
      try {
        const sample = await look();
        telemetry.check();
        // The first beat is said as soon as the session is there.
        if (!isFirst || link.session() !== null) await say(sample);
        isFirst = false;
        await renewal.check(link.session()?.pair ?? null, isLongDown());
      } catch (error) {
        log.error({ reason: messageOf(error) }, 'beat failed');
      }
      await sleep(nextBeatMs(intervalMs, random), undefined, { signal: stopping.signal }).catch(
        () => undefined,
      );
    }
  })();

  let stopped: Promise<void> | null = null;
  return {
    identity,
    status: () => ({
      deviceId: identity.device_id,
      isConnected: link.session() !== null,
      epoch: link.session()?.epoch ?? null,
      certificateSerial: link.session()?.certificateSerial ?? factsOf(credentials.current()).serial,
      outbox: telemetry.depth(),
      acknowledgedBeats,
    }),
    reconnect: () => link.reconnect(),
    reload: telemetry.reload,
    stop(reason = 'shutdown') {
      stopped ??= (async () => {
        stopping.abort();
        telemetry.sessionEnded();
        await link.stop(reason);
        await loop;
        await noteConnection(null);
        await telemetry.stop(reason);
      })();
      return stopped;
    },
  };
}
