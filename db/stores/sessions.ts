/** Cookie sessions, known by the hash of their secret. */
import { and, eq, gt, lte, ne } from 'drizzle-orm';
import { sessions, users } from '../schema/people.ts';
import type { SessionStore } from './contracts/people.ts';
import type { Queries } from './queries.ts';

/** A write per request would be wasted; idle limits are far longer than this. */
const TOUCH_INTERVAL_MS = 60_000;
const MAX_USER_AGENT = 500;

export function createSessionStore({ orm }: Queries): SessionStore {
  return {
    async create({ userAgent, ...input }) {
      await orm.insert(sessions).values({
        ...input,
        lastUsedAt: input.createdAt,
        userAgent: userAgent?.slice(0, MAX_USER_AGENT) ?? null,
      });
    },

    async use(tokenHash, now, idleSince, touch = true) {
      const [session] = await orm
        .select({
          tokenHash: sessions.tokenHash,
          userId: sessions.userId,
          csrfToken: sessions.csrfToken,
          createdAt: sessions.createdAt,
          lastUsedAt: sessions.lastUsedAt,
          expiresAt: sessions.expiresAt,
        })
        .from(sessions)
        .innerJoin(users, eq(users.id, sessions.userId))
        .where(
          and(
            eq(sessions.tokenHash, tokenHash),
            gt(sessions.expiresAt, now),
            gt(sessions.lastUsedAt, idleSince),
            eq(users.disabled, false),
          ),
        );
      if (session === undefined) return null;
      if (!touch || now.getTime() - session.lastUsedAt.getTime() < TOUCH_INTERVAL_MS) return session;
      await orm.update(sessions).set({ lastUsedAt: now }).where(eq(sessions.tokenHash, tokenHash));
      return { ...session, lastUsedAt: now };
    },

    async end(tokenHash) {
      await orm.delete(sessions).where(eq(sessions.tokenHash, tokenHash));
    },

    async endAllOf(userId, exceptTokenHash) {
      const others = exceptTokenHash === null ? undefined : ne(sessions.tokenHash, exceptTokenHash);
      const result = await orm.delete(sessions).where(and(eq(sessions.userId, userId), others));
      return result.rowCount ?? 0;
    },

    async deleteExpired(now) {
      const result = await orm.delete(sessions).where(lte(sessions.expiresAt, now));
      return result.rowCount ?? 0;
    },
  };
}
