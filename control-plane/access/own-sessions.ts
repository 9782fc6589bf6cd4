/** The sessions of the caller: list them, end one, end all others. Nobody sees another person's. */
import type { SessionRecord } from '#db';
import type { SessionView } from '#web-api';
import { audited, byPerson } from '../audit/audited.ts';
import type { OwnCredentialUseCases } from '../credential-use-cases.ts';
import { AppError } from '../errors.ts';
import { toListed, toPageRequest } from './list-page.ts';
import { idleLimitMs } from './sessions.ts';
import { requireNoKey, type SignInDeps } from './sign-in.ts';

type SessionUseCases = Pick<OwnCredentialUseCases, 'listSessions' | 'endSession' | 'endOtherSessions'>;

export function createOwnSessions(
  deps: Pick<SignInDeps, 'database' | 'sessionLimits' | 'log' | 'now'>,
): SessionUseCases {
  const { database, sessionLimits, now } = deps;
  return {
    async listSessions(person, query) {
      const memberships = await database.users.memberships(person.userId);
      const at = now();
      const idleSince = new Date(at.getTime() - idleLimitMs(sessionLimits, memberships));
      const page = await database.sessions.list(person.userId, at, idleSince, toPageRequest(query));
      return toListed(page, (session) => sessionView(session, person.sessionTokenHash));
    },

    async endSession(person, sessionId) {
      await audited(deps, byPerson(person, 'session.end', `session:${sessionId}`), async (stores) => {
        requireNoKey(person);
        if (!(await stores.sessions.endOne(person.userId, sessionId.toLowerCase()))) {
          throw new AppError('session.not_found');
        }
      });
    },

    endOtherSessions: (person) =>
      audited(
        deps,
        byPerson(person, 'session.end_others', `user:${person.userId}`),
        async (stores, entry) => {
          requireNoKey(person);
          const ended = await stores.sessions.endAllOf(person.userId, person.sessionTokenHash);
          entry.detail = { sessions_ended: ended };
          return { ended };
        },
      ),
  };
}

const sessionView = (session: SessionRecord, currentTokenHash: string): SessionView => ({
  id: session.id,
  is_current: session.tokenHash === currentTokenHash,
  ip_address: session.ipAddress,
  user_agent: session.userAgent,
  created_at: session.createdAt.toISOString(),
  last_used_at: session.lastUsedAt.toISOString(),
  expires_at: session.expiresAt.toISOString(),
});
