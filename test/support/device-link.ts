/** A lean MQTT 3.1.1 device over mTLS, for load: one socket, one parser, no stores. Not the agent. */
import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import { generate, type Packet, parser } from 'mqtt-packet';
import { deviceInbox, type PresenceMessage, topicFor } from '#contract';

export interface DeviceCredentials {
  readonly org: string;
  readonly device: string;
  readonly serial: string;
  readonly privateKeyPem: string;
  readonly chainPem: string;
}

export interface DeviceLinkOptions {
  readonly host: string;
  readonly port: number;
  readonly trustPem: string;
  readonly credentials: DeviceCredentials;
  readonly epoch: number;
  readonly onMessage: (topic: string, payload: Buffer) => void;
  /** Once, after the link was open. */
  readonly onClose: () => void;
}

export type DeviceChannel = 'heartbeat' | 'presence' | 'metrics' | 'logs' | 'events';

export interface DeviceLink {
  readonly isOpen: boolean;
  publish(channel: DeviceChannel, value: object): void;
  /** The payload as it stands, QoS 1. */
  publishText(channel: DeviceChannel, payload: string): void;
  /** Without goodbye and DISCONNECT. */
  destroy(): void;
}

/** Two beats of 30 s fit in; beats are the keep-alive. */
const KEEPALIVE_S = 70;
const OPEN_TIMEOUT_MS = 10_000;
const MAX_MESSAGE_ID = 65_000;

/** Resolves when subscribed to the own inbox. Rejects when refused, broken or too slow. */
export function openDeviceLink(options: DeviceLinkOptions): Promise<DeviceLink> {
  const { credentials, epoch } = options;
  const { promise, resolve, reject } = Promise.withResolvers<DeviceLink>();
  const address = { org: credentials.org, device: credentials.device };
  const will: PresenceMessage = { kind: 'lost', session_epoch: epoch };
  let isOpen = false;
  let messageId = 1;

  const socket: TLSSocket = connect({
    host: options.host,
    port: options.port,
    servername: 'localhost',
    secureContext: contextOf(options),
    minVersion: 'TLSv1.3',
  });
  socket.setNoDelay(true);
  const timeout = setTimeout(
    () => socket.destroy(new Error('the broker did not answer in time')),
    OPEN_TIMEOUT_MS,
  );
  const incoming = parser({ protocolVersion: 4 });
  const send = (packet: Packet): void => {
    if (!socket.destroyed) socket.write(generate(packet));
  };
  const link: DeviceLink = {
    get isOpen() {
      return isOpen;
    },
    publish: (channel, value) => link.publishText(channel, JSON.stringify(value)),
    publishText(channel, payload) {
      messageId = messageId >= MAX_MESSAGE_ID ? 2 : messageId + 1;
      send({
        cmd: 'publish',
        topic: topicFor(channel, address),
        payload,
        qos: 1,
        dup: false,
        retain: channel === 'presence',
        messageId,
      });
    },
    destroy() {
      socket.destroy();
    },
  };

  socket.on('secureConnect', () =>
    send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: `${address.org}/${address.device}`,
      keepalive: KEEPALIVE_S,
      will: {
        topic: topicFor('presence', address),
        payload: Buffer.from(JSON.stringify(will)),
        qos: 1,
        retain: true,
      },
    }),
  );
  incoming.on('packet', (packet) => {
    switch (packet.cmd) {
      case 'connack':
        if (packet.returnCode !== 0) socket.destroy(new Error(`CONNACK ${packet.returnCode}`));
        else
          send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: deviceInbox(address), qos: 1 }] });
        return;
      case 'suback':
        clearTimeout(timeout);
        isOpen = true;
        resolve(link);
        return;
      case 'publish':
        if (packet.qos === 1 && packet.messageId !== undefined)
          send({ cmd: 'puback', messageId: packet.messageId });
        options.onMessage(packet.topic, Buffer.from(packet.payload));
        return;
      default: // PUBACK: no promise of ours rests on it.
    }
  });
  incoming.on('error', (error) => socket.destroy(error));
  socket.on('data', (chunk) => incoming.parse(chunk));
  socket.on('error', reject);
  socket.on('close', () => {
    clearTimeout(timeout);
    const wasOpen = isOpen;
    isOpen = false;
    reject(new Error('the broker closed the connection'));
    if (wasOpen) options.onClose();
  });
  return promise;
}

const contexts = new WeakMap<DeviceCredentials, ReturnType<typeof createSecureContext>>();

/** Reading a key takes longer than the handshake's own work; a device keeps its context over reconnects. */
function contextOf({ credentials, trustPem }: DeviceLinkOptions) {
  let context = contexts.get(credentials);
  if (context === undefined) {
    context = createSecureContext({
      key: credentials.privateKeyPem,
      cert: credentials.chainPem,
      ca: trustPem,
      minVersion: 'TLSv1.3',
    });
    contexts.set(credentials, context);
  }
  return context;
}
