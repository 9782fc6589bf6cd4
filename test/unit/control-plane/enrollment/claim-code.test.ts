/** The spelling of claim codes: what people type, what they mistype. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  claimHashOf,
  makeClaimCode,
  readClaimCode,
} from '../../../../control-plane/enrollment/claim-code.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ROUNDS = 300;

describe('makeClaimCode', () => {
  it('spells five groups of four without I, L, O and U, and hashes what can be read back', () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { code, codeHash } = makeClaimCode(randomBytes);
      expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){4}$/);
      expect(claimHashOf(code)).toBe(codeHash);
      expect(codeHash).not.toContain(code.slice(0, 4));
    }
  });
});

describe('readClaimCode', () => {
  it('does not mind case, blanks, hyphens and letters that look like digits', () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { code, codeHash } = makeClaimCode(randomBytes);
      const typed = ` ${code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `;
      expect(claimHashOf(typed)).toBe(codeHash);
    }
  });

  it('refuses every single wrong character and every swap of neighbours', () => {
    const random = seededRandom(7);
    for (let round = 0; round < ROUNDS; round += 1) {
      const text = makeClaimCode(randomBytes).code.replaceAll('-', '');
      const place = Math.floor(random() * text.length);
      const other = ALPHABET[Math.floor(random() * ALPHABET.length)] ?? '0';
      const wrong = text.slice(0, place) + other + text.slice(place + 1);
      expect(readClaimCode(wrong)).toBe(wrong === text ? text : null);
      const next = Math.min(place, text.length - 2);
      const swapped =
        text.slice(0, next) + (text[next + 1] ?? '') + (text[next] ?? '') + text.slice(next + 2);
      expect(readClaimCode(swapped)).toBe(swapped === text ? text : null);
    }
  });

  it('is null for what is no code, whose look-up goes the same way', () => {
    for (const typed of ['', 'letmein', 'U'.repeat(20), '0'.repeat(19), '0'.repeat(21), 'é'.repeat(20)]) {
      expect(readClaimCode(typed)).toBeNull();
      expect(claimHashOf(typed)).toMatch(/^[0-9a-f]{64}$/);
    }
  });
});
