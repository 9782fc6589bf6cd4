/** The control-plane process: MQTT in, database, acks out; revocations to the brokers; the jobs. */
import type { Authority } from '#certs';
import { CHANNELS, type ChannelName, fleetFilter, STREAMS, systemTopic } from '#contract';
import type { Database } from '#db';
import type { CheckpointSigner } from './audit/checkpoint-key.ts';
import { authorityJobs } from './authorities/jobs.ts';
import { createTrustDelivery } from './authorities/trust-delivery.ts';
import { createAckTokens } from './credentials/ack-tokens.ts';
import type { DeviceTokens } from './credentials/device-token.ts';
import { createAnswers } from './ingest/answers.ts';
import { type BrokerLink, type Subscription, startBrokerLink } from './ingest/broker-link.ts';
import { startDeadLetterBox } from './ingest/dead-letters.ts';
import { createInbox } from './ingest/inbox.ts';
import { startIngest } from './ingest/ingest.ts';
import { REJECTIONS, type RejectionCounts } from './ingest/reasons.ts';
import { housekeepingJobs } from './jobs/housekeeping.ts';
import { startJobs } from './jobs/intervals.ts';
import type { Logger } from './log.ts';
import { startRevocationPublisher } from './revocation/publisher.ts';
import type { Encryption } from './secrets/encryption.ts';
import { startTelemetryCache } from './settings-delivery/telemetry-cache.ts';

/** Paused for longer, the service leaves the broker: a subscriber that does not read is a danger to it (RELIABILITY B2). */
const MAX_PAUSED_CONNECTED_MS = 5000;
const WATCH_MS = 250;

export interface ControlPlaneServiceOptions {
  readonly database: Database;
  readonly authority: Authority;
  readonly deviceTokens: DeviceTokens;
  /** mqtts://host:port */
  readonly mqttUrl: string;
  readonly tls: { readonly keyPem: string; readonly chainPem: string };
  readonly trustPem: string;
  /** Name in the broker's certificate; default: the host of the URL. */
  readonly servername?: string;
  readonly log: Logger;
  readonly deviceCertificateDays: number;
  /** Its rotation of keys runs here; opened, and later stopped, by the caller. */
  readonly encryption?: Encryption;
  /** Signs the heads of the audit chains daily; without it nobody does. */
  readonly auditSigner?: CheckpointSigner;
  readonly now?: () => Date;
}

export interface ControlPlaneService {
  /** Resolves when the first connection to the broker is subscribed. */
  readonly ready: Promise<void>;
  /** Messages flow from the broker into the database now. */
  healthy(): boolean;
  /** Since the start: outcomes of ingest, and what was dropped on the way. */
  counts(): Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

export async function startControlPlaneService(
  options: ControlPlaneServiceOptions,
): Promise<ControlPlaneService> {
  const { database, log, encryption, now = () => new Date() } = options;
  const { promise: ready, resolve: markReady } = Promise.withResolvers<void>();
  let link: BrokerLink | null = null;
  const publish = (topic: string, payload: string, qos: 0 | 1 = 1): boolean =>
    link?.publish(topic, payload, qos) ?? false;
  const telemetry = await startTelemetryCache({ database, log });
  const tokens = createAckTokens({ ...options, now });
  const trust = createTrustDelivery(options.authority, now);
  const answers = createAnswers({ tokens, telemetry, trust, publish, log, now });
  const ingest = startIngest({ database, telemetry, log, now, retry: true, onCommitted: answers.tell });
  const deadLetters = startDeadLetterBox({ database, telemetry, sampler: ingest.deadLetters, log });
  const inbox = createInbox({ ...options, now, ingest, deadLetters, publish });
  const publisher = await startRevocationPublisher({
    database,
    log,
    now,
    publish: (message) => publish(systemTopic('revocations'), JSON.stringify(message)),
  });
  const broker = startBrokerLink({
    url: options.mqttUrl,
    clientId: 'service/control-plane',
    // Both may change while we run: read anew for each connection.
    get tls() {
      return options.tls;
    },
    get trustPem() {
      return options.trustPem;
    },
    ...(options.servername === undefined ? {} : { servername: options.servername }),
    subscriptions: SUBSCRIPTIONS,
    onMessage: inbox.take,
    onUp() {
      publisher.sendSnapshot();
      markReady();
    },
    log,
  });
  link = broker;
  const watch = setInterval(() => {
    const paused = ingest.pausedSince;
    if (paused === null) broker.resume();
    else if (now().getTime() - paused.getTime() > MAX_PAUSED_CONNECTED_MS) broker.suspend();
  }, WATCH_MS);

  /** The later of the two: both must have held without a break. */
  function hearingSince(): Date | null {
    const { upSince } = broker;
    const { answeringSince } = ingest;
    if (upSince === null || answeringSince === null) return null;
    return new Date(Math.max(upSince.getTime(), answeringSince.getTime()));
  }
  const jobs = startJobs({
    jobs: [
      ...(encryption?.jobs() ?? []),
      ...housekeepingJobs({
        ...{ database, log, now, hearingSince },
        auditSigner: options.auditSigner ?? null,
        // Without encryption nothing was sealed.
        destroyKeys: async (orgId) => void (await encryption?.destroyKeys(orgId)),
      }),
      ...authorityJobs({ database, authority: options.authority, log, now }),
    ],
    log,
  });

  let stopping: Promise<void> | null = null;
  async function stopAll(): Promise<void> {
    clearInterval(watch);
    await jobs.stop();
    await publisher.stop();
    // What was read is committed, and acknowledged where the link still stands, before the link goes.
    await ingest.stop();
    await Promise.all([inbox.idle(), answers.idle()]);
    await broker.stop();
    await deadLetters.stop();
    await telemetry.stop();
  }

  return {
    ready,
    healthy: () => hearingSince() !== null,
    counts: () => ({
      ...ingest.counts,
      ...reasonCounts(ingest.rejections, inbox.undecodable),
      retimed: ingest.retimed,
      overflow: inbox.overflow,
      dropped_aside: inbox.droppedAside,
      acks_dropped: broker.dropped,
    }),
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

/** `rejected_<code>`: records, and `undecodable`: whole messages, of which nothing was understood. */
function reasonCounts(records: RejectionCounts, messages: RejectionCounts): Record<string, number> {
  const counts: Record<string, number> = { undecodable: 0 };
  for (const code of REJECTIONS) {
    counts[`rejected_${code}`] = records[code] + messages[code];
    counts.undecodable = (counts.undecodable ?? 0) + messages[code];
  }
  return counts;
}

/**
 * Everything that devices say and that is kept (what is live goes to who looks), and what the broker refused. Batches
 * come with QoS 0: the ack that a device waits for comes from us, so the broker's own between it and us promises nothing
 * and costs it about a tenth of its time.
 */
const SUBSCRIPTIONS: readonly Subscription[] = [
  ...(Object.keys(CHANNELS) as ChannelName[])
    .filter((channel) => CHANNELS[channel].direction === 'up' && !channel.startsWith('live/'))
    .map((channel) => ({
      filter: fleetFilter(channel),
      qos: STREAMS.some((stream) => stream === channel) ? (0 as const) : (1 as const),
    })),
  { filter: systemTopic('refusals'), qos: 1 },
];
