/**
 * The live link: one MQTT session after the other, each with a higher epoch and a will of its own, kept up by a
 * reconnect loop with full jitter. Says who it is; what is said over it is decided by its owner.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CHANNELS,
  type ChannelName,
  type DeviceAddress,
  deviceInbox,
  type PayloadOf,
  type PresenceMessage,
  parseTopic,
  topicFor,
} from '#contract';
import { type BackoffLimits, backoffMs, RECONNECT_BACKOFF, REFUSED_COUNTS_AS } from './backoff.ts';
import { ConnectError, type Connection, openConnection } from './connection.ts';
import type { Credentials } from './credentials.ts';
import { messageOf } from './errors.ts';
import { factsOf } from './identity.ts';
import type { Log } from './log.ts';
import { afterFailure, afterSuccess, choosePair, FRESH_TRIAL } from './pair-choice.ts';
import { afterAnswer, afterDrop, isMuted, QUIET } from './publish-guard.ts';
import { raiseEpoch } from './session-epoch.ts';
import type { StateFolder } from './state.ts';

/** Unanswered publishes at a time; more would only pile up behind a stalled broker. */
const MAX_UNANSWERED = 16;
/** Nothing is offered while this much waits in the socket. */
const MAX_UNSENT_BYTES = 128 * 1024;
/** A clean stop is over in 3 s: the goodbye, then DISCONNECT, then the loop's own end. */
const GOODBYE_MS = 1500;
const DISCONNECT_MS = 700;
const LOOP_END_MS = 500;

export interface Session {
  readonly epoch: number;
  readonly pair: 'current' | 'next';
  readonly certificateSerial: string;
  /** SHA-256 of the root under which the broker stands, lower hex; null where it cannot be told. */
  readonly serverRoot: string | null;
  /** Resolves true once the broker answered; false when it was not sent (muted, stalled) or the link broke. */
  publish<C extends ChannelName>(channel: C, payload: PayloadOf<C>): Promise<boolean>;
  /** With QoS 0, now or not at all: false when the session is over, the channel muted or the socket full. */
  offer<C extends ChannelName>(channel: C, payload: PayloadOf<C>): boolean;
}

export interface LinkOptions {
  readonly url: string;
  readonly clientId: string;
  readonly address: DeviceAddress;
  /** PEM bundle of roots, asked for each connect. */
  readonly ca: () => string;
  readonly credentials: Credentials;
  readonly folder: StateFolder;
  readonly log: Log;
  readonly now: () => Date;
  readonly random: () => number;
  readonly agentVersion: string;
  readonly backoff?: BackoffLimits;
  readonly keepaliveSeconds?: number | undefined;
  readonly connectTimeoutMs?: number | undefined;
  /** Called once hello is answered. */
  readonly onSession: (session: Session) => void;
  readonly onSessionEnd: (session: Session, reason: string) => void;
  readonly onMessage: (channel: ChannelName, payload: Uint8Array, session: Session) => void;
}

export interface Link {
  session(): Session | null;
  /** Since when no session is there; null while one is. */
  downSince(): Date | null;
  mutedChannels(): ChannelName[];
  /** The session has proved itself: the next drop is answered quickly again. */
  confirm(): void;
  /** The next connect waits at least this long. */
  holdOff(retryAfterMs: number): void;
  /** Ends the session without a goodbye and connects anew at once, e.g. with another key. */
  reconnect(): void;
  /** Says goodbye with the reason and disconnects, in at most 3 s. */
  stop(reason: string): Promise<void>;
}

export function startLink(options: LinkOptions): Link {
  const { credentials, log, now, random, address } = options;
  const stopping = new AbortController();
  let wake = new AbortController();
  let connection: Connection | null = null;
  let live: Session | null = null;
  let downSince: Date | null = now();
  let failures = 0;
  /** The server answered the last attempt, if only to refuse. */
  let wasReached = true;
  let retryAfterMs = 0;
  let skipWait = false;
  let trial = FRESH_TRIAL;
  let guard = QUIET;

  const openSession = (opened: Connection, epoch: number, pair: 'current' | 'next', serial: string) => {
    const unanswered = new Map<symbol, { channel: ChannelName; atMs: number }>();
    const session: Session = {
      epoch,
      pair,
      certificateSerial: serial,
      serverRoot: opened.serverRoot(),
      async publish(channel, payload) {
        if (isMuted(guard, channel, now().getTime()) || unanswered.size >= MAX_UNANSWERED) return false;
        const { qos, retain } = CHANNELS[channel];
        const id = Symbol(channel);
        unanswered.set(id, { channel, atMs: performance.now() });
        try {
          await opened.publish(topicFor(channel, address), JSON.stringify(payload), { qos, retain });
          unanswered.delete(id);
          guard = afterAnswer(guard, channel);
          return true;
        } catch (error) {
          log.debug({ channel, reason: messageOf(error) }, 'publish was not answered');
          return false;
        }
      },
      offer(channel, payload) {
        if (live !== session || isMuted(guard, channel, now().getTime())) return false;
        if (opened.unsentBytes() > MAX_UNSENT_BYTES) return false;
        const { retain } = CHANNELS[channel];
        opened
          .publish(topicFor(channel, address), JSON.stringify(payload), { qos: 0, retain })
          .catch((error: unknown) =>
            log.debug({ channel, reason: messageOf(error) }, 'offer was not written'),
          );
        return true;
      },
    };
    const noteDrop = (): void => {
      const [oldest] = unanswered.values();
      const after = afterDrop(
        guard,
        oldest === undefined ? null : { channel: oldest.channel, ageMs: performance.now() - oldest.atMs },
        now().getTime(),
      );
      guard = after.state;
      if (after.muted !== null) {
        log.error({ channel: after.muted }, 'the broker drops the link after this publish; channel muted');
      }
    };
    return { session, noteDrop };
  };

  const runSession = async (): Promise<void> => {
    const pair = choosePair(trial, credentials.next() !== null);
    const keys = (pair === 'next' ? credentials.next() : null) ?? credentials.current();
    const epoch = await raiseEpoch(options.folder, now);
    const serial = factsOf(keys).serial;
    const lost: PresenceMessage = { kind: 'lost', session_epoch: epoch };
    // Messages may come before hello is answered: they wait for no one, the session object is enough.
    let current: Session | null = null;
    let opened: Connection;
    try {
      opened = await openConnection({
        url: options.url,
        clientId: options.clientId,
        pair: keys,
        ca: options.ca(),
        will: { topic: topicFor('presence', address), payload: JSON.stringify(lost) },
        onMessage: (topic, payload) => {
          const target = parseTopic(topic);
          if (target !== null && current !== null) options.onMessage(target.channel, payload, current);
        },
        keepaliveSeconds: options.keepaliveSeconds,
        connectTimeoutMs: options.connectTimeoutMs,
        signal: stopping.signal,
      });
    } catch (error) {
      const refused = error instanceof ConnectError && error.refused;
      wasReached = refused;
      // The old pair is tried at once after the renewed one, and only its failure slows us down.
      if (pair === 'next') skipWait = true;
      else failures = refused ? Math.max(failures + 1, REFUSED_COUNTS_AS) : failures + 1;
      trial = afterFailure(trial, pair);
      log.warn({ reason: messageOf(error), refused, pair, failures }, 'connect failed');
      return;
    }
    connection = opened;
    wasReached = true;
    const { session, noteDrop } = openSession(opened, epoch, pair, serial);
    current = session;
    // A session counts as a failure until it is confirmed, so that being kicked again and again slows us down.
    failures += 1;
    let reason = 'stopped';
    try {
      if (stopping.signal.aborted) throw new Error('stopped');
      await opened.subscribe(deviceInbox(address));
      const isGreeted = await session.publish('presence', {
        kind: 'hello',
        session_epoch: epoch,
        agent_version: options.agentVersion,
        certificate_serial: serial,
        sent_at: now().toISOString(),
      });
      if (isGreeted) {
        const outcome = afterSuccess(trial, pair);
        trial = outcome.trial;
        if (outcome.giveUpNext) {
          log.error({}, 'the renewed certificate does not work; it is given up');
          await credentials.dropNext();
        }
        live = session;
        downSince = null;
        log.info({ epoch, pair, serial }, 'connected');
        options.onSession(session);
      }
      reason = await opened.closed;
    } catch (error) {
      reason = messageOf(error);
      opened.destroy();
    }
    if (live === null) trial = afterFailure(trial, pair);
    noteDrop();
    connection = null;
    downSince ??= now();
    if (live !== null) {
      live = null;
      options.onSessionEnd(session, reason);
    }
    log[stopping.signal.aborted ? 'info' : 'warn']({ epoch, reason }, 'disconnected');
  };

  const loop = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await runSession();
      } catch (error) {
        // The state folder cannot be written: without an epoch there is no connect, but the agent lives on.
        failures += 1;
        downSince ??= now();
        log.error({ reason: messageOf(error) }, 'no session could be started');
      }
      if (stopping.signal.aborted) return;
      const waitMs = skipWait
        ? 0
        : backoffMs(failures, random, options.backoff ?? RECONNECT_BACKOFF, retryAfterMs, wasReached);
      skipWait = false;
      retryAfterMs = 0;
      wake = new AbortController();
      await sleep(waitMs, undefined, { signal: AbortSignal.any([stopping.signal, wake.signal]) }).catch(
        () => undefined,
      );
    }
  })();

  return {
    session: () => live,
    downSince: () => downSince,
    mutedChannels: () =>
      (Object.keys(CHANNELS) as ChannelName[]).filter((channel) => isMuted(guard, channel, now().getTime())),
    confirm: () => {
      failures = 0;
    },
    holdOff: (ms) => {
      retryAfterMs = Math.max(retryAfterMs, ms);
    },
    reconnect: () => {
      skipWait = true;
      if (connection === null) wake.abort();
      else endPolitely(connection);
    },
    async stop(reason) {
      stopping.abort();
      wake.abort();
      const session = live;
      if (session !== null) {
        await withinMs(
          GOODBYE_MS,
          session.publish('presence', {
            kind: 'goodbye',
            session_epoch: session.epoch,
            reason,
            sent_at: now().toISOString(),
          }),
        );
      }
      if (connection !== null) {
        await withinMs(DISCONNECT_MS, connection.end());
        connection?.destroy();
      }
      await withinMs(LOOP_END_MS, loop);
    },
  };
}

function endPolitely(connection: Connection): void {
  void withinMs(DISCONNECT_MS, connection.end()).then(() => connection.destroy());
}

/** Waits for the work's end, good or bad, but no longer than `ms`. */
async function withinMs(ms: number, work: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  const settled = work.catch(() => undefined);
  await Promise.race([settled, sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
}
