/** Signing in and out, who is signed in, and the own password. */
import type { Database, Membership, Session, User } from '#db';
import { audited, auditedOutside, byPerson } from '../audit/audited.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { AccessUseCases, Person } from '../use-cases.ts';
import type { LoginLimits } from './login-limits.ts';
import type { Passwords } from './passwords.ts';
import { type Installation, meOf, personOf } from './person-of.ts';
import type { SecondFactors } from './second-factors.ts';
import type { RandomBytes } from './secrets.ts';
import { findSession, idleLimitMs, openSession, type SessionLimits, sessionHashOf } from './sessions.ts';

export interface SignInDeps {
  readonly database: Database;
  readonly passwords: Passwords;
  readonly limits: LoginLimits;
  readonly secondFactors: SecondFactors;
  readonly sessionLimits: SessionLimits;
  readonly installation: Installation;
  readonly log: Logger;
  readonly now: () => Date;
  readonly random: RandomBytes;
}

type SignInUseCases = Pick<AccessUseCases, 'login' | 'authenticate' | 'logout' | 'me' | 'changePassword'>;

export function createSignIn(deps: SignInDeps): SignInUseCases {
  const { database, passwords, limits, secondFactors, sessionLimits, installation, now, random } = deps;

  /** Null for a session that is over, by the limits of the installation or of one of its person's organisations. */
  async function liveSession(tokenHash: string): Promise<{
    session: Session;
    user: User;
    memberships: readonly Membership[];
  } | null> {
    const session = await findSession(database.sessions, tokenHash, now(), sessionLimits);
    if (session === null) return null;
    const [user, memberships] = await Promise.all([
      database.users.find(session.userId),
      database.users.memberships(session.userId),
    ]);
    const idleSinceMs = now().getTime() - idleLimitMs(sessionLimits, memberships);
    if (user === null || user.disabled || session.lastUsedAt.getTime() <= idleSinceMs) return null;
    return { session, user, memberships };
  }

  return {
    async login(body, origin) {
      const email = normalEmail(body.email);
      const attempt = limits.begin(email, origin.ipAddress);
      const user = await database.users.findByEmail(email);
      const known = user === null || user.disabled ? null : user;
      const isRight = await passwords.verify(body.password, known?.passwordHash ?? null);
      const draft = {
        actor: `person:${email}`,
        ipAddress: origin.ipAddress,
        userAgent: origin.userAgent,
        requestId: origin.requestId,
        action: 'auth.login',
        object: known === null ? 'user:unknown' : `user:${known.id}`,
        orgId: null,
        detail: {},
      };
      const code = body.code?.trim();
      const done = await audited(deps, draft, async (stores, entry) => {
        if (known === null || !isRight) throw new AppError('auth.invalid_credentials');
        if (known.hasSecondFactor) {
          if (code === undefined) {
            attempt.halfway();
            throw new AppError('auth.totp_required');
          }
          entry.detail = { second_factor: await secondFactors.take(stores, known.id, code) };
        }
        const opened = await openSession(stores.sessions, {
          ...{ userId: known.id, origin, now: now(), random },
          limits: sessionLimits,
        });
        await stores.users.recordLogin(known.id, now());
        const memberships = await stores.users.memberships(known.id);
        return {
          sessionToken: opened.sessionToken,
          expiresAt: opened.session.expiresAt,
          me: meOf({
            ...{ user: known, memberships, session: opened.session, apiKey: null, installation },
            ipAddress: origin.ipAddress,
          }),
        };
      });
      attempt.succeeded();
      return done;
    },

    async authenticate(sessionToken, origin, look = {}): Promise<Person> {
      const tokenHash = sessionHashOf(sessionToken);
      const found = tokenHash === null ? null : await liveSession(tokenHash);
      if (found === null) throw new AppError('auth.required');
      const { session, user, memberships } = found;
      if (look.touch !== false) await database.sessions.touch(session, now());
      const proof = { apiKey: null, csrfToken: session.csrfToken, sessionTokenHash: session.tokenHash };
      return personOf({ user, memberships, proof, origin, installation });
    },

    async logout(person) {
      await audited(deps, byPerson(person, 'auth.logout', `user:${person.userId}`), (stores) =>
        stores.sessions.end(person.sessionTokenHash),
      );
    },

    async me(person) {
      const { apiKey, sessionTokenHash, origin } = person;
      const session = sessionTokenHash === '' ? null : (await liveSession(sessionTokenHash))?.session;
      const user = await database.users.find(person.userId);
      if (session === undefined || user === null) throw new AppError('auth.required');
      const memberships = await database.users.memberships(user.id);
      return meOf({ user, memberships, session, apiKey, ipAddress: origin.ipAddress, installation });
    },

    async changePassword(person, body) {
      const draft = byPerson(person, 'auth.password', `user:${person.userId}`);
      const passwordHash = await auditedOutside(deps, draft, async () => {
        requireNoKey(person);
        await confirmPassword(deps, person, body.current_password);
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

/** An API key must not become more than it is: what proves its holder is out of its reach. @throws AppError */
export function requireNoKey(person: Person): void {
  if (person.apiKey !== null) throw new AppError('auth.session_required');
}

/** Asks for the own password again. @throws AppError 'auth.invalid_credentials', 'rate.limited' */
export async function confirmPassword(
  { database, passwords, limits }: Pick<SignInDeps, 'database' | 'passwords' | 'limits'>,
  person: Person,
  password: string,
): Promise<void> {
  const attempt = limits.begin(normalEmail(person.email), null);
  const user = await database.users.find(person.userId);
  const stored = user === null || user.kind !== 'person' || !user.isLocal ? null : user.passwordHash;
  if (!(await passwords.verify(password, stored))) throw new AppError('auth.invalid_credentials');
  attempt.succeeded();
}
