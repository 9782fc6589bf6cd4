/** Cookie sessions, known by the hash of their secret. */
import { and, eq, gt, lte, ne } from 'drizzle-orm';
import { sessions, users } from '../schema/people.ts';
import type { SessionStore } from './contracts/people.ts';
import { openPage } from './page.ts';
import type { Queries } from './queries.ts';

/** A write per request would be wasted; idle limits are far longer than this. */
const TOUCH_INTERVAL_MS = 60_000;
const MAX_USER_AGENT = 500;

const columns = {
  id: sessions.id,
  tokenHash: sessions.tokenHash,
  userId: sessions.userId,
  csrfToken: sessions.csrfToken,
  createdAt: sessions.createdAt,
  lastUsedAt: sessions.lastUsedAt,
  expiresAt: sessions.expiresAt,
};

const isTouchDue = ({ lastUsedAt }: { lastUsedAt: Date }, now: Date): boolean =>
  now.getTime() - lastUsedAt.getTime() >= TOUCH_INTERVAL_MS;

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
        .select(columns)
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
      if (!touch || !isTouchDue(session, now)) return session;
      await orm.update(sessions).set({ lastUsedAt: now }).where(eq(sessions.tokenHash, tokenHash));
      return { ...session, lastUsedAt: now };
    },

    async touch(session, now) {
      if (!isTouchDue(session, now)) return;
      await orm.update(sessions).set({ lastUsedAt: now }).where(eq(sessions.tokenHash, session.tokenHash));
    },

    async list(userId, now, idleSince, request) {
      const page = openPage(
        {
          parts: [
            { key: sessions.lastUsedAt, kind: 'time' },
            { key: sessions.id, kind: 'uuid' },
          ],
          descending: true,
          boundTo: ['sessions', userId],
        },
        request,
      );
      const live = and(
        eq(sessions.userId, userId),
        gt(sessions.expiresAt, now),
        gt(sessions.lastUsedAt, idleSince),
      );
      const found = await orm
        .select({
          ...columns,
          ipAddress: sessions.ipAddress,
          userAgent: sessions.userAgent,
          cursorKeys: page.cursorKeys,
        })
        .from(sessions)
        .where(and(live, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(sessions, live);
      return page.close(found, total, ({ cursorKeys: _, ...session }) => session);
    },

    async end(tokenHash) {
      await orm.delete(sessions).where(eq(sessions.tokenHash, tokenHash));
    },

    async endOne(userId, sessionId) {
      const result = await orm
        .delete(sessions)
        .where(and(eq(sessions.userId, userId), eq(sessions.id, sessionId)));
      return result.rowCount === 1;
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
