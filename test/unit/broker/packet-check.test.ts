/** Frames: all that mqtt-packet writes passes, all that the standard forbids does not, whatever the chunks. */
import { generate, type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { createFrameAssembler, FrameError } from '../../../broker/frame-assembler.ts';
import { checkPacket, PacketError } from '../../../broker/packet-check.ts';
import { createPacketMutator, seedPackets } from '../../support/packet-mutator.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const V311 = 4;

/** All frames of a byte stream, or the error that ended it. */
function readAll(
  chunks: readonly Buffer[],
  maxBytes = 256 * 1024,
): { frames: Buffer[]; error: string | null } {
  const assembler = createFrameAssembler(maxBytes);
  const frames: Buffer[] = [];
  try {
    for (const chunk of chunks) {
      assembler.append(chunk);
      for (let frame = assembler.next(); frame !== null; frame = assembler.next()) {
        checkPacket(frame.bytes, frame.bodyAt, V311);
        frames.push(Buffer.from(frame.bytes));
      }
    }
    return { frames, error: null };
  } catch (error) {
    if (error instanceof FrameError || error instanceof PacketError) return { frames, error: error.message };
    throw error;
  }
}

const read = (...bytes: (Buffer | string)[]) =>
  readAll(
    bytes.map((part) => (typeof part === 'string' ? Buffer.from(part.replaceAll(' ', ''), 'hex') : part)),
  );

describe('createFrameAssembler', () => {
  const packets: Packet[] = seedPackets({ org: 'acme', device: '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d' });
  const stream = Buffer.concat(packets.map((packet) => generate(packet)));

  it('gives the same frames however the bytes are cut', () => {
    const whole = readAll([stream]);
    expect(whole.error).toBeNull();
    expect(whole.frames).toEqual(packets.map((packet) => generate(packet)));
    const random = seededRandom(7);
    for (let round = 0; round < 200; round += 1) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < stream.length; ) {
        const size = 1 + Math.floor(random() * (round % 10 === 0 ? 1 : 300));
        chunks.push(stream.subarray(at, at + size));
        at += size;
      }
      expect(readAll(chunks)).toEqual(whole);
    }
  });

  it('refuses a declared size above the limit before the bytes come', () => {
    const assembler = createFrameAssembler(4096);
    assembler.append(Buffer.from('10ffffff7f', 'hex'));
    expect(() => assembler.next()).toThrow(FrameError);
    assembler.setMaxBytes(2 ** 29);
    expect(assembler.next()).toBeNull();
  });

  it('holds an unfinished frame of single bytes in at most twice its size', () => {
    const assembler = createFrameAssembler(256 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    const frame = generate({
      cmd: 'publish',
      topic: 't',
      payload: Buffer.alloc(200_000),
      qos: 0,
      dup: false,
      retain: false,
    });
    for (const byte of frame.subarray(0, -1)) assembler.append(Buffer.of(byte));
    expect(assembler.pendingBytes).toBe(frame.length - 1);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
    assembler.append(frame.subarray(-1));
    expect(assembler.next()?.bytes.equals(frame)).toBe(true);
  });

  it.each([
    ['five length bytes', '30 ffffffff01', /4 bytes/],
    ['a length that is longer than needed', '30 8000', /shortest/],
  ])('refuses %s', (_name, bytes, error) => expect(read(bytes).error).toMatch(error));
});

describe('checkPacket', () => {
  const CONNECT = '10 0d 0004 4d515454 04 02 003c 0001 61';

  it('accepts a plain CONNECT', () => expect(read(CONNECT)).toMatchObject({ error: null }));

  it.each([
    ['the reserved connect flag', '10 0d 0004 4d515454 04 03 003c 0001 61', /flags/],
    ['will QoS 3', '10 13 0004 4d515454 04 1e 003c 0001 61 0001 62 0001 63', /flags/],
    ['will QoS without a will', '10 0d 0004 4d515454 04 0a 003c 0001 61', /flags/],
    ['a password without a user', '10 10 0004 4d515454 04 42 003c 0001 61 0001 62', /password/],
    ['an unknown protocol name', '10 0d 0004 4d515455 04 02 003c 0001 61', /protocol/],
    ['bytes after CONNECT', '10 0e 0004 4d515454 04 02 003c 0001 61 00', /after the end/],
    ['a client id beyond the packet', '10 0d 0004 4d515454 04 02 003c 0002 61', /beyond/],
    ['U+0000 in the client id', '10 0e 0004 4d515454 04 02 003c 0002 6100', /U\+0000/],
    ['an overlong encoding', '10 0e 0004 4d515454 04 02 003c 0002 c080', /UTF-8/],
    ['a surrogate', '10 0f 0004 4d515454 04 02 003c 0003 eda080', /UTF-8/],
    ['packet type 0', '00 00', /type/],
    ['packet type 15', 'f0 00', /type/],
    ['a CONNACK from a client', '20 02 0000', /type/],
    ['SUBSCRIBE with wrong flags', '80 06 0001 0001 61 00', /type or flags/],
    ['SUBSCRIBE without filter', '82 02 0001', /no filter/],
    ['SUBSCRIBE with message id 0', '82 06 0000 0001 61 00', /message id 0/],
    ['SUBSCRIBE with QoS 3', '82 06 0001 0001 61 03', /options/],
    ['SUBSCRIBE without its QoS', '82 05 0001 0001 61', /beyond/],
    ['an empty filter', '82 05 0001 0000 00', /empty filter/],
    ['PUBLISH with QoS 3', '36 06 0001 61 0001 62', /flags/],
    ['DUP at QoS 0', '38 04 0001 61 62', /flags/],
    ['PUBLISH with message id 0', '32 06 0001 61 0000 62', /message id 0/],
    ['PUBLISH without its message id', '32 03 0001 61', /beyond/],
    ['a topic beyond the packet', '30 03 0004 61', /beyond/],
    ['an empty topic', '30 02 0000', /empty topic/],
    ['a wildcard in a topic', '30 05 0003 612f23', /wildcard/],
    ['PUBACK with message id 0', '40 02 0000', /message id 0/],
    ['PUBREL with wrong flags', '60 02 0001', /type or flags/],
    ['a PINGREQ with a body', 'c0 01 00', /after the end/],
    ['a DISCONNECT with a body', 'e0 01 00', /after the end/],
  ])('refuses %s', (_name, bytes, error) => expect(read(bytes).error).toMatch(error));

  it('ends every mutated packet in frames or in a refusal, never in another error', () => {
    const random = seededRandom(20261123);
    const mutate = createPacketMutator(
      { org: 'acme', device: '0c8f6a52-4f0e-4f6f-9d3c-0f8d6a1b2c3d' },
      random,
    );
    let refused = 0;
    const rounds = 20_000;
    for (let round = 0; round < rounds; round += 1)
      if (readAll([mutate()], 4096).error !== null) refused += 1;
    expect(refused).toBeGreaterThan(rounds / 4);
    expect(refused).toBeLessThan(rounds);
  });
});
