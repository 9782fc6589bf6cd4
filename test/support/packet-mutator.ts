/** Packets that are almost right: built from the contract, then bent by structure (fields, lengths, types) or by byte. */
import { generate, type Packet } from 'mqtt-packet';
import { CHANNELS, type ChannelName, type DeviceAddress, deviceInbox, topicFor } from '#contract';

/** One well-formed packet of every kind that a client sends. */
export function seedPackets(address: DeviceAddress): Packet[] {
  const topic = topicFor('heartbeat', address);
  const payload = Buffer.from('{"status":"online","uptime":1}');
  const common = { topic, payload, dup: false, retain: false } as const;
  return [
    {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      keepalive: 60,
      clientId: `${address.org}/${address.device}`,
      username: 'user',
      password: Buffer.from('password'),
      will: { topic: topicFor('presence', address), payload: Buffer.from('lost'), qos: 1, retain: true },
    },
    { cmd: 'publish', qos: 0, ...common },
    { cmd: 'publish', qos: 1, messageId: 1, ...common },
    { cmd: 'publish', qos: 2, messageId: 2, ...common },
    { cmd: 'publish', qos: 1, messageId: 3, ...common, payload: Buffer.alloc(700, 0x20) },
    { cmd: 'puback', messageId: 4 },
    { cmd: 'pubrec', messageId: 5 },
    { cmd: 'pubrel', messageId: 2 },
    { cmd: 'pubcomp', messageId: 6 },
    {
      cmd: 'subscribe',
      messageId: 7,
      subscriptions: [
        { topic: deviceInbox(address), qos: 1 },
        { topic: '$SYS/#', qos: 0 },
      ],
    },
    { cmd: 'unsubscribe', messageId: 8, unsubscriptions: [deviceInbox(address)] },
    { cmd: 'pingreq' },
    { cmd: 'disconnect' },
  ];
}

/** Texts that parsers and matchers have fallen over. */
const HARD_TEXTS = [
  '',
  '#',
  '+',
  '/',
  '$SYS/#',
  '$share/g/#',
  '__proto__',
  'constructor',
  'a\0b',
  '\ufeff',
  'a/'.repeat(200),
  'x'.repeat(65_535),
  '../../etc/passwd',
  '%2f%00',
];

/**
 * @param random as Math.random; the same seed gives the same packets.
 * @param byteShare part of the packets that are bent by byte; the others stay well formed.
 * @returns a function that gives the next mutated packet, now and then several in one buffer.
 */
export function createPacketMutator(
  address: DeviceAddress,
  random: () => number,
  byteShare = 0.8,
): () => Buffer {
  const pick = (limit: number): number => Math.floor(random() * limit);
  const one = <T>(list: readonly T[]): T => {
    const chosen = list[pick(list.length)];
    if (chosen === undefined) throw new RangeError('nothing to choose from');
    return chosen;
  };
  const channels = Object.keys(CHANNELS) as ChannelName[];

  const bendFields = (packet: Packet): Packet => {
    const text = random() < 0.5 ? one(HARD_TEXTS) : topicFor(one(channels), address);
    const messageId = one([1, 2, 65_535]);
    switch (packet.cmd) {
      case 'publish':
        return { ...packet, topic: text === '' ? 'x' : text, retain: random() < 0.3, messageId };
      case 'subscribe':
        return {
          ...packet,
          subscriptions: Array.from({ length: 1 + pick(20) }, () => ({
            topic: one(HARD_TEXTS) || 'x',
            qos: 0 as const,
          })),
        };
      case 'unsubscribe':
        return { ...packet, unsubscriptions: [text || 'x'] };
      case 'connect':
        return {
          ...packet,
          clientId: one([packet.clientId, text]),
          clean: random() < 0.7,
          keepalive: one([0, 1, 60, 65_535]),
        };
      default:
        return packet;
    }
  };

  const build = (): Buffer => {
    const seed = one(seedPackets(address));
    try {
      return generate(random() < 0.4 ? bendFields(seed) : seed);
    } catch {
      // The generator itself refuses some of these fields; the seed as it is will do.
      return generate(seed);
    }
  };

  const bendBytes = (packet: Buffer): Buffer => {
    let bytes = Buffer.from(packet);
    for (let count = 1 + pick(3); count > 0 && bytes.length > 0; count -= 1) {
      const at = pick(bytes.length);
      switch (pick(9)) {
        case 0:
          bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8));
          break;
        case 1:
          bytes[at] = one([0x00, 0x7f, 0x80, 0xc0, 0xff]);
          break;
        case 2:
          bytes = bytes.subarray(0, at);
          break;
        case 3:
          bytes = Buffer.concat([
            bytes.subarray(0, at),
            bytes.subarray(at, at + pick(40)),
            bytes.subarray(at),
          ]);
          break;
        case 4:
          bytes = Buffer.concat([
            bytes.subarray(0, at),
            Buffer.from(Array.from({ length: pick(16) }, () => pick(256))),
            bytes.subarray(at),
          ]);
          break;
        case 5: // The remaining length, one off or far off.
          if (bytes.length > 1)
            bytes[1] = one([(bytes[1] ?? 0) + 1, (bytes[1] ?? 0) - 1, 0, 0x7f, 0xff]) & 0xff;
          break;
        case 6: // An inner length.
          if (bytes.length > 4)
            bytes.writeUInt16BE(one([0, 1, 0x7fff, 0xffff, pick(300)]), Math.min(at, bytes.length - 2));
          break;
        case 7: // Type and flags.
          bytes[0] = pick(256);
          break;
        default:
          bytes = Buffer.concat([bytes, bytes.subarray(0, pick(bytes.length))]);
      }
    }
    return bytes;
  };

  return () => {
    const parts = Array.from({ length: random() < 0.1 ? 2 + pick(4) : 1 }, () =>
      random() < byteShare ? bendBytes(build()) : build(),
    );
    return Buffer.concat(parts);
  };
}
