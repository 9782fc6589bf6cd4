/** Sign-in sessions: how long they live and what a cookie holds. */
import type { Membership, Session, SessionStore } from '#db';
import type { Origin } from '../use-cases.ts';
import { hashSecret, type RandomBytes, randomToken } from './secrets.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** 256 bits: nobody guesses it, so a plain SHA-256 is all that must be kept. */
const SESSION_TOKEN_BYTES = 32;
/** base64url of 32 bytes; anything else is not looked up. */
const SESSION_TOKEN = /^[\w-]{43}$/;

export interface SessionLimits {
  /** Without use. */
  readonly idleMs: number;
  /** In all. */
  readonly lifeMs: number;
}
export const DEFAULT_SESSION_LIMITS: SessionLimits = { idleMs: 8 * HOUR_MS, lifeMs: 24 * HOUR_MS };

export const sessionLimitsOf = (settings: {
  readonly sessionIdleMinutes: number;
  readonly sessionMaxHours: number;
}): SessionLimits => ({
  idleMs: settings.sessionIdleMinutes * MINUTE_MS,
  lifeMs: settings.sessionMaxHours * HOUR_MS,
});

/** The installation's idle limit, or the shortest that one of the person's organisations asks for. Pure. */
export const idleLimitMs = (
  { idleMs }: SessionLimits,
  memberships: readonly Pick<Membership, 'sessionIdleMinutes'>[],
): number =>
  Math.min(
    idleMs,
    ...memberships.flatMap(({ sessionIdleMinutes }) =>
      sessionIdleMinutes === null ? [] : [sessionIdleMinutes * MINUTE_MS],
    ),
  );

export interface OpenedSession {
  /** For the cookie; not kept here. */
  readonly sessionToken: string;
  readonly session: Omit<Session, 'id' | 'lastUsedAt'>;
}

export async function openSession(
  sessions: SessionStore,
  input: { userId: string; origin: Origin; now: Date; random: RandomBytes; limits?: SessionLimits },
): Promise<OpenedSession> {
  const { lifeMs } = input.limits ?? DEFAULT_SESSION_LIMITS;
  const sessionToken = randomToken(input.random, SESSION_TOKEN_BYTES);
  const session = {
    tokenHash: hashSecret(sessionToken),
    userId: input.userId,
    csrfToken: randomToken(input.random, SESSION_TOKEN_BYTES),
    createdAt: input.now,
    expiresAt: new Date(input.now.getTime() + lifeMs),
  };
  const { ipAddress, userAgent } = input.origin;
  await sessions.create({ ...session, ipAddress, userAgent });
  return { sessionToken, session };
}

/** `touch` false: looks whether the session lives, without that being a use of it that keeps it from idling out. */
export interface SessionLook {
  readonly touch?: boolean;
}

/** What the cookie's text is known by; null for what can be no session's. */
export const sessionHashOf = (sessionToken: string): string | null =>
  SESSION_TOKEN.test(sessionToken) ? hashSecret(sessionToken) : null;

/** Null for a session that is unknown, over, or idle for longer than the installation allows; its use is not counted. */
export const findSession = (
  sessions: SessionStore,
  tokenHash: string,
  now: Date,
  { idleMs }: SessionLimits,
): Promise<Session | null> => sessions.use(tokenHash, now, new Date(now.getTime() - idleMs), false);
