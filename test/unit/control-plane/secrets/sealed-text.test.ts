/** The text of sealed data: one spelling, and no other opens. */
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isSealed, openWith, parseSealed, sealWith } from '../../../../control-plane/secrets/sealed-text.ts';
import { secretPath } from '../../../../control-plane/secrets/secret-path.ts';

const key = { id: randomUUID(), bytes: randomBytes(32) };
const scope = { orgId: randomUUID() };
const context = { object: 'secret:1', version: 3 };
const seal = (plaintext: string): string =>
  sealWith(key, scope, context, Buffer.from(plaintext), randomBytes(12));
const open = (text: string): string | null => {
  const parts = parseSealed(text);
  if (parts === null) return null;
  return openWith(key.bytes, scope, context, parts)?.toString() ?? null;
};

describe('sealed text', () => {
  it.each(['', 'x', 'a secret', 'ключ', 'x'.repeat(100_000)])('opens as what was sealed', (plaintext) => {
    expect(open(seal(plaintext))).toBe(plaintext);
  });

  it('never looks the same twice', () => {
    expect(new Set(Array.from({ length: 100 }, () => seal('x'))).size).toBe(100);
  });

  it('does not open when any one character is another one, is missing or is added', () => {
    const sealed = seal('0123456789abcdef');
    for (let at = 0; at < sealed.length; at += 1) {
      for (const character of ['A', 'B', '0', '-', '.', '=', ' ', '\n', 'é']) {
        const replaced = `${sealed.slice(0, at)}${character}${sealed.slice(at + 1)}`;
        if (replaced !== sealed) expect(open(replaced)).toBeNull();
        expect(open(`${sealed.slice(0, at)}${character}${sealed.slice(at)}`)).toBeNull();
      }
      expect(open(sealed.slice(0, at))).toBeNull();
      expect(open(sealed.slice(0, at) + sealed.slice(at + 1))).toBeNull();
    }
  });

  it('is told apart from everything else', () => {
    expect(isSealed(seal('x'))).toBe(true);
    for (const other of [
      '',
      'v1',
      'v1.a.b.c.d',
      {},
      null,
      1,
      ['v1'],
      seal('x').replace('v1', 'v2'),
      `${seal('x')}.`,
    ]) {
      expect(isSealed(other)).toBe(false);
    }
  });

  it('is bound to organisation, object and version, also where these look alike together', () => {
    const sealed = parseSealed(seal('x'));
    if (sealed === null) throw new Error('not sealed');
    const others = [
      [{ orgId: null }, context],
      [scope, { object: 'secret:13', version: '' }],
      [scope, { object: 'secret:', version: 13 }],
      [scope, { ...context, version: 4 }],
      [{ orgId: randomUUID() }, context],
    ] as const;
    for (const [where, what] of others) expect(openWith(key.bytes, where, what, sealed)).toBeNull();
    // A number and its text are one version: rows give texts.
    expect(openWith(key.bytes, scope, { ...context, version: '3' }, sealed)?.toString()).toBe('x');
  });
});

describe('secretPath', () => {
  it('stays below the folder of the organisation', () => {
    expect(secretPath('edge/{org}', 'acme', 'db/main')).toBe('edge/acme/db/main');
    expect(secretPath('{org}', 'acme', 'a.b_c@d+e=f-g')).toBe('acme/a.b_c@d+e=f-g');
    for (const path of [
      '',
      '.',
      '..',
      '...',
      'a/..',
      '../b',
      'a/./b',
      '/a',
      'a/',
      'a//b',
      'a%2fb',
      'a\\b',
      'a b',
      'a?b',
      'a#b',
      'ä',
    ]) {
      expect(secretPath('edge/{org}', 'acme', path)).toBeNull();
    }
  });
});
