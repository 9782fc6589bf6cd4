/** Runs of base64 that hold text, with that text. Pure. Source: RFC 4648 §4, §5. */
import { BASE64, endOfRun, isIn, UPPER } from './characters.ts';

/** Shorter runs hold no more than 17 bytes. */
export const LEAST_ENCODED = 24;
/** A longer run of text in base64 is hidden unopened; no record holds one. */
const MOST_ENCODED = 131_072;
/** How much must look like text before the rest is decoded. */
const PROBE_CHARS = 24;
/** Of decoded text at most one byte in this many may be above ASCII. */
const ASCII_SHARE = 4;

export interface DecodedRun {
  readonly start: number;
  readonly end: number;
  /** Null: longer than is opened. */
  readonly decoded: string | null;
}

const VALUES = new Int8Array(128).fill(-1);
[...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].forEach((char, value) => {
  VALUES[char.charCodeAt(0)] = value;
});
VALUES['-'.charCodeAt(0)] = 62;
VALUES['_'.charCodeAt(0)] = 63;

/** A run may begin in the middle of a longer word (a path), so all four alignments are tried. */
export function* decodedRuns(text: string): Generator<DecodedRun> {
  let index = 0;
  while (index < text.length) {
    if (!isIn(text, index, BASE64)) {
      index += 1;
      continue;
    }
    const runEnd = endOfRun(text, index, BASE64);
    if (runEnd - index >= LEAST_ENCODED && hasUpper(text, index, runEnd)) yield* readRun(text, index, runEnd);
    index = runEnd;
  }
}

/** Base64 of text is never all lower case; most paths are. */
function hasUpper(text: string, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) if (isIn(text, index, UPPER)) return true;
  return false;
}

function* readRun(text: string, start: number, runEnd: number): Generator<DecodedRun> {
  let end = runEnd;
  while (text[end] === '=' && end < runEnd + 2) end += 1;
  for (let shift = 0; shift < 4; shift += 1) {
    const from = start + shift;
    if (decode(text, from, Math.min(runEnd, from + PROBE_CHARS)) === null) continue;
    if (runEnd - from > MOST_ENCODED) {
      yield { start, end, decoded: null };
      return;
    }
    const decoded = decode(text, from, runEnd);
    if (decoded !== null) yield { start, end, decoded };
  }
}

/** Null where a byte is no text. UTF-8 above ASCII is left as its bytes, which no rule needs. */
function decode(text: string, from: number, to: number): string | null {
  const bytes = new Uint8Array(((to - from) * 3) >> 2);
  let length = 0;
  let buffer = 0;
  let bits = 0;
  let high = 0;
  for (let index = from; index < to; index += 1) {
    buffer = ((buffer << 6) | (VALUES[text.charCodeAt(index)] as number)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    const byte = (buffer >> bits) & 0xff;
    if (byte < 32 ? byte < 9 || byte > 13 : byte === 127) return null;
    if (byte >= 128) high += 1;
    bytes[length] = byte;
    length += 1;
  }
  return high * ASCII_SHARE > length ? null : textOfBytes(bytes.subarray(0, length));
}

/** Arguments of one call. */
const STEP = 8192;

/** Each byte as the character of its number (Latin-1), so that nothing is lost or merged. */
export function textOfBytes(bytes: Uint8Array): string {
  if (bytes.length <= STEP) return String.fromCharCode(...bytes);
  const parts: string[] = [];
  for (let from = 0; from < bytes.length; from += STEP) {
    parts.push(String.fromCharCode(...bytes.subarray(from, from + STEP)));
  }
  return parts.join('');
}
