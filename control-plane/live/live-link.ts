/**
 * The web process's own MQTT connection, for looking at devices live: made with the first topic, left a while after the
 * last. QoS 0 both ways: leases are renewed, and what is missed is in the database.
 */
import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';
import { type BrokerAccess, brokerClientOptions, closeInOrder } from '../broker-access.ts';
import type { Logger } from '../log.ts';

/** People come back soon: a page is left, the next one opened. */
export const LINGER_MS = 60_000;
const RECONNECT_FIRST_MS = 200;
const RECONNECT_LONGEST_MS = 5000;
const CLIENT_ID = 'service/web';
/** A SUBACK code of this or above refuses. Source: MQTT 3.1.1 §3.9.3. */
const REFUSED = 128;

export interface LiveLinkOptions extends BrokerAccess {
  readonly onMessage: (topic: string, payload: Uint8Array) => void;
  /** The topic is subscribed, at first or again after a break. */
  readonly onReady: (topic: string) => void;
  readonly onDown: () => void;
  readonly log: Logger;
  readonly lingerMs?: number;
  readonly random?: () => number;
}
export interface LiveLink {
  readonly isUp: boolean;
  /** Receives the topic from now on, over every reconnect. */
  open(topic: string): void;
  close(topic: string): void;
  /** @returns false where there is no link */
  publish(topic: string, payload: string): boolean;
  stop(): Promise<void>;
}

export function createLiveLink(options: LiveLinkOptions): LiveLink {
  const { log, lingerMs = LINGER_MS, random = Math.random } = options;
  const topics = new Set<string>();
  let client: MqttClient | null = null;
  let isUp = false;
  let isStopped = false;
  let attempt = 0;
  let retry: NodeJS.Timeout | undefined;
  let linger: NodeJS.Timeout | undefined;

  function connect(): void {
    clearTimeout(retry);
    retry = undefined;
    if (isStopped || client !== null || topics.size === 0) return;
    const current = mqtt.connect(options.url, brokerClientOptions(options, CLIENT_ID));
    client = current;
    current.handleMessage = (packet: IPublishPacket, callback) => {
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
      if (client === current && topics.has(packet.topic)) options.onMessage(packet.topic, payload);
      callback();
    };
    current.on('connect', () => {
      if (client !== current) return;
      attempt = 0;
      isUp = true;
      log.debug({ url: options.url }, 'live link up');
      for (const topic of topics) subscribe(current, topic);
    });
    current.on('error', (error) => log.warn({ err: error, url: options.url }, 'live link failed'));
    current.on('close', () => lost(current));
  }

  function subscribe(current: MqttClient, topic: string): void {
    current.subscribe(topic, { qos: 0 }, (error, granted) => {
      if (client !== current || !topics.has(topic)) return;
      const isGranted = granted?.every(({ qos }) => qos < REFUSED) ?? false;
      if (error !== null || !isGranted) log.error({ err: error, topic }, 'live topic not granted');
      else options.onReady(topic);
    });
  }

  function lost(current: MqttClient): void {
    if (client !== current) return;
    client = null;
    const wasUp = isUp;
    isUp = false;
    current.end(true);
    if (wasUp) options.onDown();
    if (isStopped || topics.size === 0 || retry !== undefined) return;
    const ceilingMs = Math.min(RECONNECT_LONGEST_MS, RECONNECT_FIRST_MS * 2 ** Math.min(attempt, 10));
    attempt += 1;
    retry = setTimeout(connect, ceilingMs * (0.5 + random() / 2));
  }

  async function leave(): Promise<void> {
    clearTimeout(retry);
    clearTimeout(linger);
    retry = undefined;
    linger = undefined;
    const current = client;
    client = null;
    isUp = false;
    attempt = 0;
    if (current !== null) await closeInOrder(current);
  }

  return {
    get isUp() {
      return isUp;
    },
    open(topic) {
      if (isStopped || topics.has(topic)) return;
      topics.add(topic);
      clearTimeout(linger);
      linger = undefined;
      if (client === null) {
        if (retry === undefined) connect();
      } else if (isUp) {
        subscribe(client, topic);
      }
    },
    close(topic) {
      if (!topics.delete(topic)) return;
      if (isUp)
        client?.unsubscribe(topic, (error) => error && log.debug({ err: error }, 'unsubscribe failed'));
      if (topics.size === 0 && !isStopped) {
        clearTimeout(linger);
        linger = setTimeout(() => void leave(), lingerMs);
        linger.unref();
      }
    },
    publish(topic, payload) {
      if (client === null || !isUp) return false;
      client.publish(topic, payload, { qos: 0 }, (error) => {
        if (error) log.debug({ err: error, topic }, 'live publish failed');
      });
      return true;
    },
    async stop() {
      isStopped = true;
      topics.clear();
      await leave();
    },
  };
}
