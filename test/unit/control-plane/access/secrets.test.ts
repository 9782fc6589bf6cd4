/** Random text and what an update changed. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashSecret, randomBase62 } from '../../../../control-plane/access/secrets.ts';
import { changesBetween } from '../../../../control-plane/audit/changes.ts';

describe('randomBase62', () => {
  it('draws bytes again that would favour some characters', () => {
    const bytes = [255, 248, 0, 61, 247];
    const random = (size: number) => Uint8Array.from({ length: size }, () => bytes.shift() ?? 62);
    expect(randomBase62(random, 3)).toBe('0zz');
  });

  it('uses all 62 characters about equally', () => {
    const counts = new Map<string, number>();
    for (const character of randomBase62(randomBytes, 62_000)) {
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    expect(counts.size).toBe(62);
    // Ten standard deviations around 1,000.
    expect(Math.min(...counts.values())).toBeGreaterThan(680);
    expect(Math.max(...counts.values())).toBeLessThan(1320);
  });
});

describe('hashSecret', () => {
  it('is SHA-256 in lower hex', () => {
    // FIPS 180-2, appendix B.1.
    expect(hashSecret('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('changesBetween', () => {
  it('keeps only the fields that differ', () => {
    expect(changesBetween({ name: 'a', tags: ['x'] }, { name: 'b', tags: ['x'] })).toEqual({
      before: { name: 'a' },
      after: { name: 'b' },
    });
  });
});
