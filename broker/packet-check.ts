/** Is one whole MQTT frame well formed, byte for byte? Stricter than the parser behind it, which reads past a packet's end. Pure. */

export class PacketError extends Error {
  override name = 'PacketError';
}

export const PACKET = {
  connect: 1,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14,
} as const;

/** Flags that a client's packet must carry; PUBLISH has its own. Source: MQTT 3.1.1 table 2.2. */
const REQUIRED_FLAGS: ReadonlyMap<number, number> = new Map([
  [PACKET.connect, 0],
  [PACKET.puback, 0],
  [PACKET.pubrec, 0],
  [PACKET.pubrel, 2],
  [PACKET.pubcomp, 0],
  [PACKET.subscribe, 2],
  [PACKET.unsubscribe, 2],
  [PACKET.pingreq, 0],
  [PACKET.disconnect, 0],
]);

const V5 = 5;

export interface CheckedPacket {
  readonly type: number;
  /** Of a CONNECT: protocol level with the bridge bit still in it. */
  readonly protocolLevel: number;
  readonly qos: number;
  /** Of a SUBSCRIBE or UNSUBSCRIBE. */
  readonly filters: number;
}

/**
 * @param frame the whole packet; `bodyAt` is where its fixed header ends.
 * @param protocolLevel of the CONNECT before it; ignored for a CONNECT.
 * @throws PacketError in a few words.
 */
export function checkPacket(frame: Buffer, bodyAt: number, protocolLevel: number): CheckedPacket {
  const first = frame[0] ?? 0;
  const type = first >> 4;
  const flags = first & 0x0f;
  const reader = createReader(frame, bodyAt);
  const result = { type, protocolLevel, qos: 0, filters: 0 };
  if (type === PACKET.publish) {
    result.qos = checkPublish(reader, flags, protocolLevel);
    return result;
  }
  if (REQUIRED_FLAGS.get(type) !== flags) throw new PacketError('packet type or flags not allowed');
  switch (type) {
    case PACKET.connect:
      result.protocolLevel = checkConnect(reader);
      break;
    case PACKET.subscribe:
    case PACKET.unsubscribe:
      result.filters = checkFilters(reader, type === PACKET.subscribe, protocolLevel);
      break;
    case PACKET.pingreq:
      break;
    case PACKET.disconnect:
      if (protocolLevel === V5) return result;
      break;
    default:
      checkMessageId(reader);
      // A reason code and properties may follow in version 5.
      if (protocolLevel === V5) return result;
  }
  reader.end();
  return result;
}

function checkPublish(reader: Reader, flags: number, protocolLevel: number): number {
  const qos = (flags >> 1) & 3;
  if (qos === 3 || (qos === 0 && (flags & 8) !== 0)) throw new PacketError('publish flags not allowed');
  const topic = reader.text();
  // Empty only where version 5 gives an alias instead.
  if (topic.length === 0 && protocolLevel !== V5) throw new PacketError('empty topic');
  if (topic.includes('+') || topic.includes('#')) throw new PacketError('wildcard in topic');
  if (qos > 0) checkMessageId(reader);
  if (protocolLevel === V5) reader.properties();
  return qos;
}

/** Source: MQTT 3.1.1 §3.1. */
function checkConnect(reader: Reader): number {
  const protocol = reader.text();
  const level = reader.byte();
  const isKnown =
    (protocol === 'MQTT' && (level & 0x7f) >= 4) || (protocol === 'MQIsdp' && (level & 0x7f) === 3);
  if (!isKnown) throw new PacketError('unknown protocol');
  const flags = reader.byte();
  const hasWill = (flags & 0x04) !== 0;
  const willQos = (flags >> 3) & 3;
  const hasUser = (flags & 0x80) !== 0;
  const hasPassword = (flags & 0x40) !== 0;
  const isV5 = (level & 0x7f) === V5;
  if ((flags & 1) !== 0 || willQos === 3 || (!hasWill && (flags & 0x38) !== 0)) {
    throw new PacketError('connect flags not allowed');
  }
  if (hasPassword && !hasUser && !isV5) throw new PacketError('password without user name');
  reader.skip(2);
  if (isV5) reader.properties();
  reader.text();
  if (hasWill) {
    if (isV5) reader.properties();
    const topic = reader.text();
    if (topic.length === 0 || topic.includes('+') || topic.includes('#'))
      throw new PacketError('will topic not allowed');
    reader.skip(reader.number());
  }
  if (hasUser) reader.text();
  if (hasPassword) reader.skip(reader.number());
  return level;
}

function checkFilters(reader: Reader, hasOptions: boolean, protocolLevel: number): number {
  checkMessageId(reader);
  if (protocolLevel === V5) reader.properties();
  let filters = 0;
  while (!reader.isAtEnd()) {
    if (reader.text().length === 0) throw new PacketError('empty filter');
    if (hasOptions) {
      const options = reader.byte();
      const reserved = protocolLevel === V5 ? 0xc0 : 0xfc;
      if ((options & 3) === 3 || (options & reserved) !== 0)
        throw new PacketError('subscribe options not allowed');
    }
    filters += 1;
  }
  if (filters === 0) throw new PacketError('no filter');
  return filters;
}

function checkMessageId(reader: Reader): void {
  if (reader.number() === 0) throw new PacketError('message id 0');
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

interface Reader {
  byte(): number;
  /** 16 bits, big-endian. */
  number(): number;
  /** Length-prefixed UTF-8 without U+0000. */
  text(): string;
  skip(bytes: number): void;
  /** Version 5: a variable length and so many bytes; what they say is left to the broker. */
  properties(): void;
  isAtEnd(): boolean;
  end(): void;
}

function createReader(frame: Buffer, start: number): Reader {
  let at = start;
  const advance = (bytes: number): number => {
    const from = at;
    at += bytes;
    if (at > frame.length) throw new PacketError('length beyond the packet');
    return from;
  };
  const reader: Reader = {
    byte: () => frame.readUInt8(advance(1)),
    number: () => frame.readUInt16BE(advance(2)),
    text() {
      const length = reader.number();
      const bytes = frame.subarray(advance(length), at);
      if (bytes.includes(0)) throw new PacketError('U+0000 in text');
      try {
        return utf8.decode(bytes);
      } catch (cause) {
        throw new PacketError('text is not UTF-8', { cause });
      }
    },
    skip: (bytes) => void advance(bytes),
    properties() {
      let length = 0;
      for (let shift = 0; ; shift += 7) {
        if (shift > 21) throw new PacketError('property length too long');
        const byte = reader.byte();
        length += (byte & 0x7f) << shift;
        if ((byte & 0x80) === 0) break;
      }
      advance(length);
    },
    isAtEnd: () => at === frame.length,
    end() {
      if (at !== frame.length) throw new PacketError('bytes after the end');
    },
  };
  return reader;
}
