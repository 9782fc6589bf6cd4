/** Signing in and out, who is signed in, and the own password. */
import type { Database, Membership, Session, User } from '#db';
import type { Me } from '#web-api';
import { audited, auditedOutside, byPerson } from '../audit/audited.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { AccessUseCases, Person } from '../use-cases.ts';
import { createAttemptLimiter } from './attempt-limiter.ts';
import type { Passwords } from './passwords.ts';
import { allowedActions } from './policy.ts';
import type { RandomBytes } from './secrets.ts';
import { findSession, openSession, useSession } from './sessions.ts';

/** Per address and per e-mail; only wrong passwords count in the end. */
const LOGIN_LIMIT = { attempts: 5, windowMs: 60_000, maxKeys: 10_000 } as const;

export interface SignInDeps {
  readonly database: Database;
  readonly passwords: Passwords;
  readonly log: Logger;
  readonly now: () => Date;
  readonly random: RandomBytes;
}

type SignInUseCases = Pick<AccessUseCases, 'login' | 'authenticate' | 'logout' | 'me' | 'changePassword'>;

export function createSignIn(deps: SignInDeps): SignInUseCases {
  const { database, passwords, log, now, random } = deps;
  const limiter = createAttemptLimiter(LOGIN_LIMIT, now);

  /**
   * Counts the attempt before the password is looked at, so that parallel guesses count too, and forgets it where
   * the password was right. A flood leaves log lines, no audit rows: those can never be deleted.
   */
  async function withinLimits(keys: readonly string[], verify: () => Promise<boolean>): Promise<boolean> {
    const retryAfterSeconds = Math.max(...keys.map((key) => limiter.waitSeconds(key)));
    if (retryAfterSeconds > 0) {
      log.warn({ keys, retryAfterSeconds }, 'sign-in attempts limited');
      throw new AppError('rate.limited', { retryAfterSeconds });
    }
    for (const key of keys) limiter.add(key);
    const isRight = await verify();
    if (isRight) for (const key of keys) limiter.giveBack(key);
    return isRight;
  }

  return {
    async login(body, origin) {
      const email = normalEmail(body.email);
      const keys = [`ip ${origin.ipAddress}`, `email ${email}`];
      const user = await database.users.findByEmail(email);
      const known = user === null || user.disabled ? null : user;
      const isRight = await withinLimits(keys, () =>
        passwords.verify(body.password, known?.passwordHash ?? null),
      );
      const draft = {
        actor: `person:${email}`,
        ipAddress: origin.ipAddress,
        action: 'auth.login',
        object: known === null ? 'user:unknown' : `user:${known.id}`,
        orgId: null,
        detail: {},
      };
      return audited(deps, draft, async (stores) => {
        if (known === null || !isRight) throw new AppError('auth.invalid_credentials');
        const opened = await openSession(stores.sessions, { userId: known.id, origin, now: now(), random });
        await stores.users.recordLogin(known.id, now());
        const memberships = await stores.users.memberships(known.id);
        return {
          sessionToken: opened.sessionToken,
          expiresAt: opened.session.expiresAt,
          me: meOf(known, memberships, opened.session),
        };
      });
    },

    async authenticate(sessionToken, origin, look): Promise<Person> {
      const session = await findSession(database.sessions, sessionToken, now(), look);
      const user = session === null ? null : await database.users.find(session.userId);
      if (session === null || user === null || user.disabled) throw new AppError('auth.required');
      const memberships = await database.users.memberships(user.id);
      return {
        kind: 'person',
        userId: user.id,
        email: user.email,
        isSystemAdmin: user.isSystemAdmin,
        mustChangePassword: user.mustChangePassword,
        roles: new Map(memberships.map(({ orgId, role }) => [orgId, role])),
        groups: new Map(),
        apiKey: null,
        csrfToken: session.csrfToken,
        sessionTokenHash: session.tokenHash,
        origin,
      };
    },

    async logout(person) {
      await audited(deps, byPerson(person, 'auth.logout', `user:${person.userId}`), (stores) =>
        stores.sessions.end(person.sessionTokenHash),
      );
    },

    async me(person) {
      const session = await useSession(database.sessions, person.sessionTokenHash, now());
      const user = await database.users.find(person.userId);
      if (session === null || user === null) throw new AppError('auth.required');
      return meOf(user, await database.users.memberships(user.id), session);
    },

    async changePassword(person, body) {
      const draft = byPerson(person, 'auth.password', `user:${person.userId}`);
      const passwordHash = await auditedOutside(deps, draft, async () => {
        const user = await database.users.find(person.userId);
        const stored = user?.passwordHash ?? null;
        const keys = [`email ${normalEmail(person.email)}`];
        if (!(await withinLimits(keys, () => passwords.verify(body.current_password, stored)))) {
          throw new AppError('auth.invalid_credentials');
        }
        if (body.new_password === body.current_password) throw new AppError('auth.password_unchanged');
        return passwords.hash(body.new_password);
      });
      await audited(deps, draft, async (stores, entry) => {
        await stores.users.setPassword(person.userId, passwordHash, false);
        const ended = await stores.sessions.endAllOf(person.userId, person.sessionTokenHash);
        entry.detail = { sessions_ended: ended };
      });
    },
  };
}

export const normalEmail = (email: string): string => email.trim().toLowerCase();

function meOf(
  user: User,
  memberships: readonly Membership[],
  session: Pick<Session, 'csrfToken' | 'expiresAt'>,
): Me {
  return {
    user_id: user.id,
    email: user.email,
    name: user.name,
    is_system_admin: user.isSystemAdmin,
    must_change_password: user.mustChangePassword,
    csrf_token: session.csrfToken,
    session_expires_at: session.expiresAt.toISOString(),
    actions: user.isSystemAdmin ? allowedActions('system_admin') : [],
    memberships: memberships.map((membership) => ({
      organization_id: membership.orgId,
      organization_slug: membership.orgSlug,
      organization_name: membership.orgName,
      role: membership.role,
      actions: allowedActions(membership.role),
    })),
  };
}
