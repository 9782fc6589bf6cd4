/** Sign-in sessions: how long they live and what a cookie holds. */
import type { Session, SessionStore } from '#db';
import type { Origin } from '../use-cases.ts';
import { hashSecret, type RandomBytes, randomToken } from './secrets.ts';

const HOUR_MS = 3_600_000;
export const SESSION_IDLE_MS = 8 * HOUR_MS;
export const SESSION_LIFE_MS = 24 * HOUR_MS;
/** 256 bits: nobody guesses it, so a plain SHA-256 is all that must be kept. */
const SESSION_TOKEN_BYTES = 32;
/** base64url of 32 bytes; anything else is not looked up. */
const SESSION_TOKEN = /^[\w-]{43}$/;

export interface OpenedSession {
  /** For the cookie; not kept here. */
  readonly sessionToken: string;
  readonly session: Omit<Session, 'lastUsedAt'>;
}

export async function openSession(
  sessions: SessionStore,
  input: { userId: string; origin: Origin; now: Date; random: RandomBytes },
): Promise<OpenedSession> {
  const sessionToken = randomToken(input.random, SESSION_TOKEN_BYTES);
  const session = {
    tokenHash: hashSecret(sessionToken),
    userId: input.userId,
    csrfToken: randomToken(input.random, SESSION_TOKEN_BYTES),
    createdAt: input.now,
    expiresAt: new Date(input.now.getTime() + SESSION_LIFE_MS),
  };
  const { ipAddress, userAgent } = input.origin;
  await sessions.create({ ...session, ipAddress, userAgent });
  return { sessionToken, session };
}

/** `touch` false: looks whether the session lives, without that being a use of it that keeps it from idling out. */
export interface SessionLook {
  readonly touch?: boolean;
}

/** Null for a session that is unknown, over, or idle too long. */
export async function findSession(
  sessions: SessionStore,
  sessionToken: string,
  now: Date,
  look: SessionLook = {},
): Promise<Session | null> {
  return SESSION_TOKEN.test(sessionToken) ? useSession(sessions, hashSecret(sessionToken), now, look) : null;
}

export const useSession = (
  sessions: SessionStore,
  tokenHash: string,
  now: Date,
  { touch = true }: SessionLook = {},
): Promise<Session | null> => sessions.use(tokenHash, now, new Date(now.getTime() - SESSION_IDLE_MS), touch);
