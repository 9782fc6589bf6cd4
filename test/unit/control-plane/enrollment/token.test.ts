/** Spelling and state of registration tokens. */
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  installCommand,
  makeTokenSecret,
  readTokenSecret,
} from '../../../../control-plane/enrollment/token-secret.ts';
import { tokenState } from '../../../../control-plane/enrollment/token-view.ts';

describe('makeTokenSecret', () => {
  it('spells a token that reads back to the hash that is kept', () => {
    const made = makeTokenSecret(randomBytes);
    expect(made.token).toMatch(/^oce_[0-9A-Za-z]{8}_[0-9A-Za-z]{40}$/);
    expect(made.tokenHash).toBe(createHash('sha256').update(made.token).digest('hex'));
    expect(readTokenSecret(made.token)).toEqual({ prefix: made.prefix, tokenHash: made.tokenHash });
  });

  it('never makes the same twice', () => {
    const tokens = Array.from({ length: 500 }, () => makeTokenSecret(randomBytes).token);
    expect(new Set(tokens).size).toBe(500);
  });
});

describe('readTokenSecret', () => {
  const { token } = makeTokenSecret(randomBytes);
  it.each([
    '',
    'oce_',
    token.slice(0, -20),
    `${token}\n`,
    ` ${token}`,
    token.replace('oce_', 'OCE_'),
    `${token}'; DROP TABLE registration_tokens; --`,
    '__proto__',
  ])('reads nothing from %j', (text) => {
    expect(readTokenSecret(text)).toBeNull();
  });
});

describe('installCommand', () => {
  it('is one line that pins the key of the server and ends with the token', () => {
    const addresses = { publicUrl: 'https://edge.example:8443', serverPin: 'sha256//AbC+/=' };
    expect(installCommand(addresses, 'oce_x')).toBe(
      "curl -fsSLk --pinnedpubkey 'sha256//AbC+/=' https://edge.example:8443/install_edge_agent.sh -o install_edge_agent.sh && $(command -v sudo) bash install_edge_agent.sh oce_x",
    );
  });
});

describe('tokenState', () => {
  const now = new Date('2026-11-23T12:00:00Z');
  const live = { revokedAt: null, uses: 0, maxUses: 1, expiresAt: new Date('2026-11-23T12:00:00.001Z') };
  it.each([
    ['live to the last millisecond', live, 'live'],
    ['expired at its end', { ...live, expiresAt: now }, 'expired'],
    ['used up after its last use', { ...live, uses: 1 }, 'used_up'],
    ['revoked above all', { ...live, uses: 1, expiresAt: now, revokedAt: now }, 'revoked'],
  ])('is %s', (_sentence, token, state) => {
    expect(tokenState(token, now)).toBe(state);
  });
});
