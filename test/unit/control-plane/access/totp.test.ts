/** Codes of authenticator apps, recovery codes and how API keys are spelled. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isSameHash, makeKeySecret, readKeySecret } from '../../../../control-plane/access/key-secret.ts';
import { hashSecret } from '../../../../control-plane/access/secrets.ts';
import {
  makeRecoveryCodes,
  RECOVERY_CODES,
  recoveryCodeHash,
  setupOf,
  stepOf,
} from '../../../../control-plane/access/totp.ts';

/** RFC 6238, appendix B: SHA-1, the last six of its eight digits. */
const RFC_SECRET = Buffer.from('12345678901234567890');

describe('stepOf', () => {
  it.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ])('knows the code of the RFC at %i s', (seconds, code) => {
    expect(stepOf(RFC_SECRET, code, new Date(seconds * 1000))).toBe(Math.floor(seconds / 30));
  });

  it('takes the neighbouring steps for clocks that drift, and names the step of the code', () => {
    for (const [offset, step] of [
      [-30, 3],
      [0, 2],
      [30, 1],
      [60, null],
      [-60, null],
    ] as const) {
      const now = new Date((89 - 30 + offset) * 1000);
      const expected = step === null ? null : 1;
      expect([offset, stepOf(RFC_SECRET, '287082', now)]).toEqual([offset, expected]);
    }
  });

  it.each(['', '28708', '2870820', '28708a', ' 287082', '２８７０８２'])('refuses %j', (code) => {
    expect(stepOf(RFC_SECRET, code, new Date(59_000))).toBeNull();
  });
});

describe('setupOf', () => {
  it('says what every authenticator app reads', () => {
    const { secret, uri } = setupOf(RFC_SECRET, 'ada@example.com');
    expect(secret).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
    const url = new URL(uri);
    expect([url.protocol, url.host]).toEqual(['otpauth:', 'totp']);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      ...{ issuer: 'Ops-Center Edge', secret, algorithm: 'SHA1', digits: '6', period: '30' },
    });
  });
});

describe('recovery codes', () => {
  const codes = makeRecoveryCodes(randomBytes);

  it('are ten different ones that can be told apart when read', () => {
    expect(new Set(codes).size).toBe(RECOVERY_CODES);
    for (const code of codes) expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/);
  });

  it('count however they are typed', () => {
    const [code = ''] = codes;
    const hash = hashSecret(code.replaceAll('-', ''));
    expect(recoveryCodeHash(code)).toBe(hash);
    expect(recoveryCodeHash(` ${code.toLowerCase().replaceAll('-', ' ')} `)).toBe(hash);
    expect(recoveryCodeHash(code.replaceAll('0', 'O').replaceAll('1', 'l'))).toBe(hash);
  });

  it.each(['', '123456', 'AAAA-BBBB-CCCC', 'UUUU-UUUU-UUUU-UUUU'])('are not %j', (text) => {
    expect(recoveryCodeHash(text)).toBeNull();
  });
});

describe('an API key', () => {
  it('is found by what may be shown of it, and known by the hash of the whole', () => {
    const { key, prefix, secretHash } = makeKeySecret(randomBytes);
    expect(key.startsWith(`${prefix}_`)).toBe(true);
    expect(readKeySecret(key)).toEqual({ prefix, secretHash });
    expect(isSameHash(secretHash, secretHash)).toBe(true);
    expect(isSameHash(secretHash, null)).toBe(false);
    expect(isSameHash(secretHash, hashSecret(`${key.slice(0, -1)}!`))).toBe(false);
  });

  it.each([
    '',
    'ock_',
    'oce_abcdefgh_x',
    `ock_abcdefghijkl_${'x'.repeat(42)}`,
    `ock_abcdefghijkl_${'-'.repeat(43)}`,
  ])('is not %j', (text) => expect(readKeySecret(text)).toBeNull());
});
