/** Cuts a byte stream into whole MQTT frames within a size that may change; holds no more than one unfinished frame. Pure. */

/** A frame that can never be completed within the rules. */
export class FrameError extends Error {
  override name = 'FrameError';
  readonly reason: 'frame.too_large' | 'frame.malformed';

  constructor(reason: 'frame.too_large' | 'frame.malformed', message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface Frame {
  readonly bytes: Buffer;
  /** Where the fixed header ends. */
  readonly bodyAt: number;
}

export interface FrameAssembler {
  append(chunk: Buffer): void;
  /** The next whole frame, or null when more bytes are needed. @throws FrameError */
  next(): Frame | null;
  /** Applies to every frame that is not yet given out. */
  setMaxBytes(maxBytes: number): void;
  /** Bytes held, of finished and unfinished frames. */
  readonly pendingBytes: number;
}

/** Four length bytes at most. Source: MQTT 3.1.1 §2.2.3. */
const MAX_LENGTH_BYTES = 4;
const FIRST_CAPACITY_BYTES = 512;

export function createFrameAssembler(initialMaxBytes: number): FrameAssembler {
  let maxBytes = initialMaxBytes;
  let buffer: Buffer = Buffer.alloc(0);
  /** The buffer is ours to write behind `end`; frames given out lie before it. */
  let isOwned = false;
  let start = 0;
  let end = 0;

  return {
    append(chunk) {
      if (end === start) {
        // The common case: whole frames in one chunk are given out without a copy.
        [buffer, isOwned, start, end] = [chunk, false, 0, chunk.length];
        return;
      }
      if (!isOwned || buffer.length - end < chunk.length) {
        // Doubling, so that a sender of single bytes costs neither a buffer per byte nor the declared size at once.
        const grown = Buffer.allocUnsafeSlow(capacityFor(end - start + chunk.length));
        buffer.copy(grown, 0, start, end);
        [buffer, isOwned, start, end] = [grown, true, 0, end - start];
      }
      end += chunk.copy(buffer, end);
    },

    next() {
      if (end - start < 2) return null;
      let length = 0;
      let at = start + 1;
      for (let shift = 0; ; shift += 7, at += 1) {
        if (shift >= 7 * MAX_LENGTH_BYTES)
          throw new FrameError('frame.malformed', 'length has more than 4 bytes');
        if (at >= end) return null;
        const byte = buffer[at] ?? 0;
        length += (byte & 0x7f) << shift;
        if ((byte & 0x80) !== 0) continue;
        if (byte === 0 && shift > 0)
          throw new FrameError('frame.malformed', 'length is not in its shortest form');
        break;
      }
      const bodyAt = at + 1 - start;
      const size = bodyAt + length;
      if (size > maxBytes)
        throw new FrameError('frame.too_large', `frame of ${size} bytes, ${maxBytes} allowed`);
      if (end - start < size) return null;
      const bytes = buffer.subarray(start, start + size);
      start += size;
      return { bytes, bodyAt };
    },

    setMaxBytes(bytes) {
      maxBytes = bytes;
    },
    get pendingBytes() {
      return end - start;
    },
  };
}

const capacityFor = (bytes: number): number =>
  Math.max(FIRST_CAPACITY_BYTES, 2 ** Math.ceil(Math.log2(bytes)));
