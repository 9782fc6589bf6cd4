/** The control plane's own MQTT connection: connects, subscribes, and comes back by itself. Holds no messages. */
import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';
import { type BrokerAccess, brokerClientOptions, closeInOrder } from '../broker-access.ts';
import type { Logger } from '../log.ts';

/** First and longest wait before the next attempt; a broker that restarts is met within one second or so. */
export const RECONNECT_FIRST_MS = 100;
export const RECONNECT_LONGEST_MS = 5000;
/** Unacknowledged publishes; above it answers are dropped and counted: devices ask again. MQTT has 65,535 ids. */
export const MAX_IN_FLIGHT = 8000;
/** Bytes of QoS 0 that wait for the socket; above it they are dropped and counted as well. */
export const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;

export interface Subscription {
  readonly filter: string;
  readonly qos: 0 | 1;
}

export interface BrokerLinkOptions extends BrokerAccess {
  readonly clientId: string;
  readonly subscriptions: readonly Subscription[];
  /** Resolves when the next message may be read: this is the back-pressure. Must not reject. */
  readonly onMessage: (topic: string, payload: Uint8Array) => Promise<void> | null;
  /** After each connect, once every subscription is granted. */
  readonly onUp: () => void;
  readonly log: Logger;
  readonly random?: () => number;
}

export interface BrokerLink {
  readonly isUp: boolean;
  /** Since when the link is up without a break; null while it is not. */
  readonly upSince: Date | null;
  /** Not waited for. @returns false where there is no link or too much in flight. */
  publish(topic: string, payload: string, qos?: 0 | 1): boolean;
  /** Leaves the broker in order and stays away until `resume`. */
  suspend(): void;
  resume(): void;
  readonly dropped: number;
  stop(): Promise<void>;
}

export function startBrokerLink(options: BrokerLinkOptions): BrokerLink {
  const { log, random = Math.random } = options;
  let client: MqttClient | null = null;
  let upSince: Date | null = null;
  let attempt = 0;
  let timer: NodeJS.Timeout | null = null;
  let isSuspended = false;
  let isStopped = false;
  let inFlight = 0;
  let dropped = 0;

  function connect(): void {
    timer = null;
    if (isStopped || isSuspended || client !== null) return;
    const current = mqtt.connect(options.url, brokerClientOptions(options, options.clientId));
    client = current;
    inFlight = 0;
    current.handleMessage = (packet: IPublishPacket, callback) => {
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
      const wait = client === current ? options.onMessage(packet.topic, payload) : null;
      if (wait === null) callback();
      else void wait.then(() => callback());
    };
    current.on('connect', () => void subscribe(current));
    current.on('error', (error) => log.warn({ err: error, url: options.url }, 'broker connection failed'));
    current.on('close', () => lost(current));
  }

  async function subscribe(current: MqttClient): Promise<void> {
    try {
      const wanted = Object.fromEntries(options.subscriptions.map(({ filter, qos }) => [filter, { qos }]));
      const granted = await current.subscribeAsync(wanted);
      const refused = granted
        .filter(({ topic, qos }) => qos !== wanted[topic]?.qos)
        .map(({ topic }) => topic);
      if (refused.length > 0) throw new Error(`the broker refused ${refused.join(', ')}`);
    } catch (error) {
      if (client === current) log.error({ err: error }, 'subscriptions not granted');
      lost(current);
      return;
    }
    if (client !== current) return;
    attempt = 0;
    upSince = new Date();
    log.info({ url: options.url }, 'connected to the broker');
    options.onUp();
  }

  function lost(current: MqttClient): void {
    if (client !== current) return;
    client = null;
    if (upSince !== null && !isStopped && !isSuspended) log.warn({}, 'connection to the broker lost');
    upSince = null;
    current.end(true);
    scheduleConnect();
  }

  function scheduleConnect(): void {
    if (isStopped || isSuspended || timer !== null || client !== null) return;
    const ceilingMs = Math.min(RECONNECT_LONGEST_MS, RECONNECT_FIRST_MS * 2 ** Math.min(attempt, 10));
    attempt += 1;
    timer = setTimeout(connect, ceilingMs * (0.5 + random() / 2));
  }

  function leave(): Promise<void> {
    const current = client;
    client = null;
    upSince = null;
    if (timer !== null) clearTimeout(timer);
    timer = null;
    return current === null ? Promise.resolve() : closeInOrder(current);
  }

  connect();
  return {
    get isUp() {
      return upSince !== null;
    },
    get upSince() {
      return upSince;
    },
    publish(topic, payload, qos = 1) {
      const current = client;
      const isFull =
        qos === 1 ? inFlight >= MAX_IN_FLIGHT : (current?.stream?.writableLength ?? 0) >= MAX_BUFFERED_BYTES;
      if (current === null || upSince === null || isFull) {
        dropped += 1;
        return false;
      }
      if (qos === 0) {
        current.publish(topic, payload, { qos });
        return true;
      }
      inFlight += 1;
      current.publish(topic, payload, { qos: 1 }, () => {
        if (client === current) inFlight -= 1;
      });
      return true;
    },
    suspend() {
      if (isSuspended || isStopped) return;
      isSuspended = true;
      void leave();
    },
    resume() {
      if (!isSuspended || isStopped) return;
      isSuspended = false;
      attempt = 0;
      connect();
    },
    get dropped() {
      return dropped;
    },
    async stop() {
      isStopped = true;
      await leave();
    },
  };
}
