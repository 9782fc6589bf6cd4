/** How a claim code is spelled: five groups of four of Crockford's base32, the last character a check. Pure. */
import { hashSecret, type RandomBytes } from '../access/secrets.ts';

/** No I, L, O and U: read aloud and typed by hand. Source: crockford.com/base32.html. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** 95 bits: kept as a plain SHA-256, and not to be guessed at ten tries a minute, nor at 10^12 a second. */
const SECRET_CHARS = 19;
const GROUP_CHARS = 4;
/** Prime and above the alphabet's 32, so that one wrong character and two swapped neighbours always show. */
const CHECK_MODULUS = 37;
/** Check values 32 to 36, as Crockford has them; of these only letters and digits are given out. */
const PLAIN_CHECKS = 32;

export interface ClaimSecret {
  /** To be shown once: `K7QH-…`. */
  readonly code: string;
  /** What the database keeps. */
  readonly codeHash: string;
}

/** Draws again where the check would be a sign that keyboards hide. */
export function makeClaimCode(random: RandomBytes): ClaimSecret {
  for (;;) {
    // 256 is a multiple of 32: every character is equally likely.
    const secret = [...random(SECRET_CHARS)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('');
    const check = checkOf(secret);
    if (check >= PLAIN_CHECKS) continue;
    const text = `${secret}${ALPHABET[check]}`;
    const groups = text.match(new RegExp(`.{${GROUP_CHARS}}`, 'g')) ?? [];
    return { code: groups.join('-'), codeHash: hashSecret(text) };
  }
}

/** Case, blanks and hyphens do not matter, O is 0, I and L are 1. Null for what is no code or mistyped. */
export function readClaimCode(typed: string): string | null {
  const text = typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1');
  if (text.length !== SECRET_CHARS + 1 || [...text].some((character) => !ALPHABET.includes(character))) {
    return null;
  }
  return ALPHABET[checkOf(text.slice(0, SECRET_CHARS))] === text[SECRET_CHARS] ? text : null;
}

/** What a typed code is looked up by: something for a mistyped one as well, so that it takes the same way. */
export const claimHashOf = (typed: string): string => hashSecret(readClaimCode(typed) ?? 'mistyped');

/** The number that the characters spell, modulo 37. */
const checkOf = (secret: string): number =>
  [...secret].reduce(
    (rest, character) => (rest * ALPHABET.length + ALPHABET.indexOf(character)) % CHECK_MODULUS,
    0,
  );
