/** A client of ours over TLS that sends any packet or bytes and remembers what came back; every wait has a deadline. */
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { generate, type IConnectPacket, type IPublishPacket, type Packet, parser } from 'mqtt-packet';

/** Far above anything that a test waits for; a broken wait fails instead of hanging. */
const DEADLINE_MS = 10_000;

export interface RawClient {
  readonly socket: TLSSocket;
  /** All packets so far, oldest first. */
  readonly packets: Packet[];
  readonly isClosed: boolean;
  send(packet: Packet): void;
  sendBytes(bytes: Uint8Array): void;
  /** Hands over every publish from now on and keeps none of them. */
  onPublish(listener: (packet: IPublishPacket) => void): void;
  /** The next packet of this kind that was not waited for before. */
  next<C extends Packet['cmd']>(cmd: C): Promise<Extract<Packet, { cmd: C }>>;
  /** CONNACK code, or 'closed' when the connection ended without one. */
  connect(options: Partial<IConnectPacket> & { clientId: string }): Promise<number | 'closed'>;
  /** SUBACK codes, or 'closed'. */
  subscribe(...filters: (string | { topic: string; qos: 0 | 1 | 2 })[]): Promise<number[] | 'closed'>;
  /** QoS 1: 'acked', or 'closed' when the connection ended first. */
  publish(
    topic: string,
    payload: string | Buffer,
    options?: Partial<IPublishPacket>,
  ): Promise<'acked' | 'closed'>;
  /** PINGREQ answered: everything sent before has gone through the broker's decisions. */
  ping(): Promise<'alive' | 'closed'>;
  closed(): Promise<void>;
  /** Cuts the line without DISCONNECT. */
  destroy(): void;
  /** DISCONNECT and the end. */
  disconnect(): Promise<void>;
}

/** @throws Error when TLS fails or the deadline passes; with `rejects` use `tlsRefusal` below. */
export async function connectRaw(options: ConnectionOptions): Promise<RawClient> {
  const socket = connect({ minVersion: 'TLSv1.3', ...options });
  await before(
    'TLS',
    new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
    }),
  );
  return clientOver(socket);
}

/**
 * Tries TLS and one CONNECT: TLS 1.3 lets a client believe in its success before the server has judged its certificate.
 * @returns what ended the connection, or null when a CONNACK came.
 */
export async function tlsRefusal(options: ConnectionOptions, clientId: string): Promise<string | null> {
  const socket = connect({ minVersion: 'TLSv1.3', ...options });
  const failure = new Promise<string>((resolve) => {
    socket.once('error', (error: Error & { code?: string }) => resolve(error.code ?? error.message));
    socket.once('close', () => resolve('closed'));
  });
  const secured = new Promise<null>((resolve) => socket.once('secureConnect', () => resolve(null)));
  const early = await before('TLS', Promise.race([failure, secured]));
  if (early !== null) return early;
  const client = clientOver(socket);
  const answer = await client.connect({ clientId });
  client.destroy();
  return answer === 'closed' ? failure : null;
}

let nextMessageId = 0;
const messageId = (): number => {
  nextMessageId = (nextMessageId % 65_535) + 1;
  return nextMessageId;
};

function clientOver(socket: TLSSocket): RawClient {
  const packets: Packet[] = [];
  const taken = new Set<Packet>();
  const waiting = new Set<() => void>();
  let isClosed = socket.destroyed;
  const decoder = parser();
  const wake = (): void => {
    for (const check of [...waiting]) check();
  };
  let listener: ((packet: IPublishPacket) => void) | null = null;
  decoder.on('packet', (packet: Packet) => {
    if (packet.cmd === 'publish' && listener !== null) listener(packet);
    else packets.push(packet);
    if (packet.cmd === 'publish' && packet.qos === 1 && packet.messageId !== undefined) {
      client.send({ cmd: 'puback', messageId: packet.messageId });
    }
    wake();
  });
  socket.on('data', (chunk) => decoder.parse(chunk));
  socket.on('error', () => wake());
  socket.on('close', () => {
    isClosed = true;
    wake();
  });

  /** Waits for a packet, or null at the end of the connection. */
  const take = <C extends Packet['cmd']>(cmd: C): Promise<Extract<Packet, { cmd: C }> | null> =>
    before(
      cmd,
      new Promise((resolve) => {
        const check = (): void => {
          const found = packets.find(
            (packet): packet is Extract<Packet, { cmd: C }> => packet.cmd === cmd && !taken.has(packet),
          );
          if (found === undefined && !isClosed) return;
          waiting.delete(check);
          if (found !== undefined) taken.add(found);
          resolve(found ?? null);
        };
        waiting.add(check);
        check();
      }),
    );

  const client: RawClient = {
    socket,
    packets,
    get isClosed() {
      return isClosed;
    },
    send: (packet) => client.sendBytes(generate(packet)),
    sendBytes: (bytes) => {
      if (!isClosed) socket.write(bytes);
    },
    onPublish: (next) => {
      listener = next;
    },
    async next(cmd) {
      const packet = await take(cmd);
      if (packet === null) throw new Error(`the connection ended before ${cmd}`);
      return packet;
    },
    async connect(options) {
      client.send({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clean: true,
        keepalive: 60,
        ...options,
      });
      const answer = await take('connack');
      return answer === null ? 'closed' : (answer.returnCode ?? answer.reasonCode ?? 0);
    },
    async subscribe(...filters) {
      const subscriptions = filters.map((filter) =>
        typeof filter === 'string' ? { topic: filter, qos: 1 as const } : filter,
      );
      client.send({ cmd: 'subscribe', messageId: messageId(), subscriptions });
      const answer = await take('suback');
      return answer === null ? 'closed' : answer.granted.map(Number);
    },
    async publish(topic, payload, options = {}) {
      client.send({
        cmd: 'publish',
        topic,
        payload,
        qos: 1,
        retain: false,
        dup: false,
        messageId: messageId(),
        ...options,
      });
      return (await take('puback')) === null ? 'closed' : 'acked';
    },
    async ping() {
      client.send({ cmd: 'pingreq' });
      return (await take('pingresp')) === null ? 'closed' : 'alive';
    },
    closed: () =>
      before(
        'the end',
        new Promise<void>((resolve) => (isClosed ? resolve() : socket.once('close', () => resolve()))),
      ),
    destroy: () => socket.destroy(),
    async disconnect() {
      client.send({ cmd: 'disconnect' });
      await client.closed();
    },
  };
  return client;
}

async function before<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
