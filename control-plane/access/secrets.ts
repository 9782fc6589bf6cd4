/** Random secrets and what is kept of them. Randomness comes in, so that tests can fix it. */
import { createHash } from 'node:crypto';

/** `size` bytes that nobody can guess, as node:crypto's randomBytes gives them. */
export type RandomBytes = (size: number) => Uint8Array;

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Largest multiple of 62 in a byte; larger bytes are drawn again, so that every character is equally likely. */
const BASE62_LIMIT = 248;

/** `length` characters of 0-9, A-Z, a-z: 5.95 bits each. */
export function randomBase62(random: RandomBytes, length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of random(length)) {
      if (byte < BASE62_LIMIT && text.length < length) text += BASE62[byte % BASE62.length];
    }
  }
  return text;
}

/** `size` random bytes as URL-safe text. */
export const randomToken = (random: RandomBytes, size: number): string =>
  Buffer.from(random(size)).toString('base64url');

/** What the database keeps of a random secret of 128 bits or more; never for passwords. SHA-256, lower hex. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');
