/** Bytes into lines, with memory bounded by one line's limit whatever comes. Pure but for its own buffer. */

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export interface SplitLine {
  /** Without its line end, cut at the limit. */
  readonly bytes: Buffer;
  readonly cutBytes: number;
  /** Offset behind its line end, counted from the splitter's start. */
  readonly end: number;
}

export interface LineSplitter {
  /** Lines that this chunk completes. The chunk may be reused afterwards. */
  push(chunk: Buffer): SplitLine[];
  /** The last line although it has no end; null when there is none. */
  rest(): SplitLine | null;
}

/** `start` is the offset of the first byte that will come. */
export function createLineSplitter(maxLineBytes: number, start = 0): LineSplitter {
  let parts: Buffer[] = [];
  let keptBytes = 0;
  let cutBytes = 0;
  let offset = start;

  const keep = (bytes: Buffer): void => {
    // A file that was cut while its writer kept the old offset begins with a hole of zeros.
    const from = keptBytes === 0 && cutBytes === 0 ? zerosAt(bytes) : 0;
    const kept = bytes.subarray(from, from + maxLineBytes - keptBytes);
    if (kept.length > 0) parts.push(Buffer.from(kept));
    keptBytes += kept.length;
    cutBytes += bytes.length - from - kept.length;
  };
  const take = (): SplitLine => {
    const bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    const isCrLf = cutBytes === 0 && bytes.at(-1) === CARRIAGE_RETURN;
    const line = { bytes: isCrLf ? bytes.subarray(0, -1) : bytes, cutBytes, end: offset };
    parts = [];
    keptBytes = 0;
    cutBytes = 0;
    return line;
  };

  return {
    push(chunk) {
      const lines: SplitLine[] = [];
      let from = 0;
      for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
        keep(chunk.subarray(from, at));
        offset += at + 1 - from;
        from = at + 1;
        lines.push(take());
      }
      keep(chunk.subarray(from));
      offset += chunk.length - from;
      return lines;
    },
    rest: () => (keptBytes + cutBytes === 0 ? null : take()),
  };
}

function zerosAt(bytes: Buffer): number {
  let count = 0;
  while (bytes[count] === 0) count += 1;
  return count;
}
