/** Looking at devices: at most so many viewers, one target for each (device, stream), one link for all of them. */
import {
  DEFAULT_TELEMETRY,
  LEASE_RENEW_MS,
  type LiveStream,
  type LogRecord,
  MAX_LEASES,
  topicFor,
} from '#contract';
import { createRedactor, type Redactor } from '#contract/redaction';
import type { Database } from '#db';
import type { BrokerAccess } from '../broker-access.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { LiveUpdate } from '../telemetry-use-cases.ts';
import type { LiveEvents } from './live-events.ts';
import { createLiveLink } from './live-link.ts';
import { createTarget, type Target } from './target.ts';

/** What a device keeps at once; both streams of it together. */
export const MAX_VIEWERS_PER_DEVICE = MAX_LEASES;
/** Of one process; each costs a lease every 5 s and up to 50 messages a second of its device. */
export const MAX_VIEWERS = 200;
const RETRY_AFTER_SECONDS = 10;
/** Changed rules hold for live lines within this time, on top of the device's own. */
const REDACTOR_AGE_MS = 30_000;

export interface WatchedDevice {
  readonly id: string;
  readonly orgId: string;
  readonly orgSlug: string;
}
export interface WatchQuery {
  readonly stream: LiveStream;
  readonly min_level?: LogRecord['log_level'];
  readonly replay?: number;
}
export interface Watch {
  /** @throws AppError 'rate.limited', 'service.unavailable' where there is no broker to ask */
  open(device: WatchedDevice, query: WatchQuery, listener: (update: LiveUpdate) => void): Promise<() => void>;
  readonly viewerCount: number;
  stop(): Promise<void>;
}
export interface WatchOptions {
  readonly database: Pick<Database, 'presence' | 'telemetrySettings'>;
  /** Null: nobody can look live. */
  readonly broker: BrokerAccess | null;
  readonly events: Pick<LiveEvents, 'subscribe'>;
  readonly log: Logger;
  readonly now: () => Date;
  /** How long the link stays after the last viewer; default one minute. */
  readonly lingerMs?: number;
}

interface Watched {
  readonly device: WatchedDevice;
  readonly target: Target;
  readonly timer: NodeJS.Timeout;
  redactorAtMs: number;
}

export function createWatch(options: WatchOptions): Watch {
  const { database, broker, events, log, now } = options;
  const nowMs = (): number => now().getTime();
  /** By topic. */
  const watched = new Map<string, Watched>();
  const places = createPlaces();
  let isStopped = false;
  const link =
    broker === null
      ? null
      : createLiveLink({
          url: broker.url,
          ...(broker.servername === undefined ? {} : { servername: broker.servername }),
          // Both may change while we run.
          get tls() {
            return broker.tls;
          },
          get trustPem() {
            return broker.trustPem;
          },
          ...(options.lingerMs === undefined ? {} : { lingerMs: options.lingerMs }),
          onMessage: (topic, payload) => watched.get(topic)?.target.received(payload),
          onReady: (topic) => watched.get(topic)?.target.ready(),
          onDown() {
            for (const { target } of watched.values()) target.linkLost();
          },
          log,
        });
  const unsubscribe = events.subscribe((event) => {
    if (event.kind !== 'device.changed' && event.kind !== 'device.deleted') return;
    const isOnline = event.kind === 'device.changed' && !AWAY.has(event.observation ?? '');
    for (const { device, target } of watched.values()) {
      if (device.id === event.device_id) target.presence(isOnline);
    }
  });

  function begin(
    topic: string,
    device: WatchedDevice,
    stream: LiveStream,
    isOnline: boolean,
    redactor: Redactor,
  ): Watched {
    const target = createTarget({
      stream,
      isOnline,
      redactor,
      send: (message) => link?.publish(controlTopic(device), JSON.stringify(message)) ?? false,
      log,
      nowMs,
    });
    const timer = setInterval(() => {
      target.renew();
      refreshRedactor(started).catch((error: unknown) =>
        log.warn({ err: error, orgId: device.orgId }, 'rules for live lines could not be read again'),
      );
    }, LEASE_RENEW_MS);
    const started: Watched = { device, target, timer, redactorAtMs: nowMs() };
    watched.set(topic, started);
    link?.open(topic);
    return started;
  }

  function finish(topic: string): void {
    const ending = watched.get(topic);
    if (ending === undefined) return;
    clearInterval(ending.timer);
    watched.delete(topic);
    ending.target.end();
    link?.close(topic);
  }

  async function refreshRedactor(entry: Watched): Promise<void> {
    if (nowMs() - entry.redactorAtMs < REDACTOR_AGE_MS) return;
    entry.redactorAtMs = nowMs();
    entry.target.useRedactor(await redactorOf(database, entry.device.orgId));
  }

  return {
    async open(device, query, listener) {
      if (link === null || isStopped) throw new AppError('service.unavailable');
      const release = places.take(device.id);
      try {
        const topic = topicFor(query.stream === 'logs' ? 'live/logs' : 'live/metrics', {
          org: device.orgSlug,
          device: device.id,
        });
        const [snapshot, redactor] = await Promise.all([
          database.presence.snapshot(device.orgId, device.id),
          redactorOf(database, device.orgId),
        ]);
        if (isStopped) throw new AppError('service.unavailable');
        const isOnline = snapshot?.connected ?? false;
        const { target } = watched.get(topic) ?? begin(topic, device, query.stream, isOnline, redactor);
        const leave = target.join({
          minLevel: query.min_level ?? null,
          replay: query.replay ?? 0,
          listener,
        });
        return () => {
          leave();
          if (target.viewerCount === 0 && watched.get(topic)?.target === target) finish(topic);
          release();
        };
      } catch (error) {
        release();
        throw error;
      }
    },
    get viewerCount() {
      return places.total;
    },
    async stop() {
      isStopped = true;
      unsubscribe();
      for (const topic of [...watched.keys()]) finish(topic);
      await link?.stop();
    },
  };
}

const AWAY: ReadonlySet<string> = new Set(['offline', 'never_seen', '']);

const controlTopic = ({ orgSlug, id }: WatchedDevice): string =>
  topicFor('control', { org: orgSlug, device: id });

/** Fails closed: without the organisation's rules nothing is shown. */
async function redactorOf(
  { telemetrySettings }: Pick<Database, 'telemetrySettings'>,
  orgId: string,
): Promise<Redactor> {
  const stored = await telemetrySettings.get(orgId);
  return createRedactor((stored?.settings ?? DEFAULT_TELEMETRY).redaction);
}

/** Places of viewers, taken before anything is read, so that parallel requests cannot pass the bounds. */
function createPlaces(): { take(deviceId: string): () => void; readonly total: number } {
  const byDevice = new Map<string, number>();
  let total = 0;
  return {
    take(deviceId) {
      const ofDevice = byDevice.get(deviceId) ?? 0;
      if (ofDevice >= MAX_VIEWERS_PER_DEVICE || total >= MAX_VIEWERS) {
        throw new AppError('rate.limited', { retryAfterSeconds: RETRY_AFTER_SECONDS });
      }
      byDevice.set(deviceId, ofDevice + 1);
      total += 1;
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        total -= 1;
        const rest = (byDevice.get(deviceId) ?? 1) - 1;
        if (rest === 0) byDevice.delete(deviceId);
        else byDevice.set(deviceId, rest);
      };
    },
    get total() {
      return total;
    },
  };
}
