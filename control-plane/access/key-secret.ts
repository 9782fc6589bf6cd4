/** How an API key is spelled: `ock_{id}_{secret}`. `ock_{id}` may be shown, the whole never again. Pure. */
import { timingSafeEqual } from 'node:crypto';
import { hashSecret, type RandomBytes, randomBase62 } from './secrets.ts';

const ID_CHARS = 12;
/** 256 bits. */
const SECRET_CHARS = 43;
const KEY = /^(ock_[0-9A-Za-z]{12})_[0-9A-Za-z]{43}$/;
/** Of no key: what an unknown id is compared with, so that it takes as long. */
const NO_HASH = '0'.repeat(64);

export interface KeySecret {
  readonly key: string;
  readonly prefix: string;
  /** What the database keeps. */
  readonly secretHash: string;
}

export function makeKeySecret(random: RandomBytes): KeySecret {
  const prefix = `ock_${randomBase62(random, ID_CHARS)}`;
  const key = `${prefix}_${randomBase62(random, SECRET_CHARS)}`;
  return { key, prefix, secretHash: hashSecret(key) };
}

/** Null for what cannot be a key; it needs no look-up. */
export function readKeySecret(text: string): Pick<KeySecret, 'prefix' | 'secretHash'> | null {
  const prefix = KEY.exec(text)?.[1];
  return prefix === undefined ? null : { prefix, secretHash: hashSecret(text) };
}

/** In constant time; `stored` null never matches. */
export const isSameHash = (given: string, stored: string | null): boolean =>
  timingSafeEqual(Buffer.from(given), Buffer.from(stored ?? NO_HASH)) && stored !== null;
