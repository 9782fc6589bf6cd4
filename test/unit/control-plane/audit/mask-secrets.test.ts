/** What an audit row must not say. */
import { describe, expect, it } from 'vitest';
import { MASK, maskSecrets } from '../../../../control-plane/audit/mask-secrets.ts';

describe('maskSecrets', () => {
  it.each([
    'password',
    'new_password',
    'clientSecret',
    'api_key',
    'token',
    'registration_token',
    'private_key',
    'csr',
    'recovery_codes',
    'authorization',
  ])('hides what stands in %s, wherever it stands', (name) => {
    expect(maskSecrets({ after: { list: [{ [name]: 'plain words' }] } })).toEqual({
      after: { list: [{ [name]: MASK }] },
    });
  });

  it('hides secrets by their form, in values and in keys', () => {
    const pem = `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(64)}\n-----END PRIVATE KEY-----`;
    const text = JSON.stringify(maskSecrets({ reason: `lost: ${pem}`, [`ghp_${'a1B2'.repeat(9)}`]: 1 }));
    expect(text).not.toContain('AAAA');
    expect(text).not.toContain('a1B2a1B2');
  });

  it('leaves names, ids, counts, references and e-mails alone', () => {
    const detail = {
      token_id: '1',
      key_prefix: 'edge_ab',
      tokens: 3,
      password: null,
      ref: 'secret:db/password',
      email: 'ada@example.org',
      serial: '0a1b2c3d4e5f',
      before: { role: 'auditor' },
    };
    expect(maskSecrets(detail)).toEqual(detail);
  });

  it('keeps a row small and storable', () => {
    const masked = maskSecrets({ note: `a\0b\ud800${'x'.repeat(10_000)}`, at: new Date(0) });
    expect(masked.note).toHaveLength(4096);
    expect(masked.note).toMatch(/^a\ufffdb\ufffdx/);
    expect(masked.at).toBe('1970-01-01T00:00:00.000Z');
    const many = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`n${index}`, 'x'.repeat(4000)]),
    );
    expect(Object.keys(maskSecrets(many))).toEqual(['shortened']);
  });
});
