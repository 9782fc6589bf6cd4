/** Sign-ins by an identity provider while they are under way, and the sessions that came of them. */
import type { ProviderSession, ProviderSessionStore, ProviderSignIn } from './contracts/identities.ts';
import type { Queries } from './queries.ts';

export function createProviderSessionStore({ rows, count }: Queries): ProviderSessionStore {
  return {
    async begin({ stateHash, browserHash, nonce, codeVerifier, returnTo, expiresAt }) {
      await count(
        `INSERT INTO provider_sign_ins (state_hash, browser_hash, nonce, code_verifier, return_to, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)`,
        [stateHash, browserHash, nonce, codeVerifier, returnTo, expiresAt],
      );
    },

    async take(stateHash, browserHash, now) {
      const [signIn] = await rows<ProviderSignIn>(
        `DELETE FROM provider_sign_ins WHERE state_hash = $1 AND browser_hash = $2
         RETURNING state_hash AS "stateHash", browser_hash AS "browserHash", nonce,
                   code_verifier AS "codeVerifier", return_to AS "returnTo", expires_at AS "expiresAt"`,
        [stateHash, browserHash],
      );
      return signIn !== undefined && signIn.expiresAt > now ? signIn : null;
    },

    async bind({ id, tokenHash, issuer, subject, sid, refreshToken, checkedAt }) {
      await count(
        `INSERT INTO provider_sessions (id, token_hash, issuer, subject, sid, refresh_token, checked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)`,
        [id, tokenHash, issuer, subject, sid, refreshToken, checkedAt],
      );
    },

    async isBound(tokenHash) {
      const found = await rows('SELECT 1 FROM provider_sessions WHERE token_hash = $1', [tokenHash]);
      return found.length === 1;
    },

    due: (checkedBefore, limit) =>
      rows<ProviderSession>(
        `SELECT p.id, p.token_hash AS "tokenHash", s.user_id AS "userId", p.issuer, p.subject, p.sid,
                p.refresh_token AS "refreshToken"
         FROM provider_sessions p JOIN sessions s ON s.token_hash = p.token_hash
         WHERE p.refresh_token IS NOT NULL AND p.checked_at < $1 AND s.last_used_at > p.checked_at
         ORDER BY p.checked_at LIMIT $2`,
        [checkedBefore, limit],
      ),

    async checked(id, { at, refreshToken }) {
      await count(
        `UPDATE provider_sessions SET checked_at = $2, refresh_token = coalesce($3, refresh_token) WHERE id = $1`,
        [id, at, refreshToken],
      );
    },

    async end(issuer, { sid, subject }) {
      if (sid === null && subject === null) return { userIds: [], sessions: 0 };
      const ended = await rows<{ userId: string }>(
        `DELETE FROM sessions s USING provider_sessions p
         WHERE p.token_hash = s.token_hash AND p.issuer = $1
           AND ($2::text IS NULL OR p.sid = $2) AND ($3::text IS NULL OR p.subject = $3)
         RETURNING s.user_id AS "userId"`,
        [issuer, sid, subject],
      );
      return { userIds: [...new Set(ended.map(({ userId }) => userId))], sessions: ended.length };
    },

    async useLogoutToken(jtiHash, expiresAt) {
      const inserted = await count(
        'INSERT INTO provider_logout_tokens (jti_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING',
        [jtiHash, expiresAt],
      );
      return inserted === 1;
    },

    async deleteExpired(now) {
      return (
        (await count('DELETE FROM provider_sign_ins WHERE expires_at <= $1', [now])) +
        (await count('DELETE FROM provider_logout_tokens WHERE expires_at <= $1', [now]))
      );
    },
  };
}
