/** The provider says that a session ended (OpenID Connect Back-Channel Logout 1.0): ours end at once. */
import type { Database } from '#db';
import { createAttemptLimiter } from '../access/attempt-limiter.ts';
import { hashSecret } from '../access/secrets.ts';
import { auditedOutside } from '../audit/audited.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { OidcUseCases } from '../oidc-use-cases.ts';
import type { Origin } from '../use-cases.ts';
import type { Provider } from './provider.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Older ones are refused, so that used ones need not be remembered for longer. */
const MAX_AGE_SECONDS = 300;
/** Twice the age: neither clock's tolerance lets a used one count again. */
const REMEMBERED_MS = 2 * MAX_AGE_SECONDS * 1000;
const TYPES: ReadonlySet<string | undefined> = new Set([
  'logout+jwt',
  'application/logout+jwt',
  'JWT',
  undefined,
]);
const MAX_ID = 255;
/** Refused ones of one address; each leaves an audit row. */
const LIMIT = { attempts: 30, windowMs: 60_000, maxKeys: 10_000 } as const;

interface LogoutOrder {
  readonly jti: string;
  readonly sid: string | null;
  readonly subject: string | null;
}

export function createBackChannelLogout(deps: {
  readonly database: Database;
  readonly provider: Provider;
  readonly log: Logger;
  readonly now: () => Date;
}): OidcUseCases['backChannelLogout'] {
  const { database, provider, log, now } = deps;
  const { issuer } = provider.options;
  const refused = createAttemptLimiter(LIMIT, now);

  return async (logoutToken: string, origin: Origin) => {
    const key = `ip ${origin.ipAddress}`;
    const retryAfterSeconds = refused.waitSeconds(key);
    if (retryAfterSeconds > 0) {
      log.warn({ ipAddress: origin.ipAddress, retryAfterSeconds }, 'logout tokens limited');
      throw new AppError('rate.limited', { retryAfterSeconds });
    }
    const draft = {
      actor: `provider:${new URL(issuer).host}`,
      ipAddress: origin.ipAddress,
      action: 'auth.oidc.logout',
      object: 'session:unknown',
      orgId: null,
      detail: {},
    };
    try {
      await auditedOutside(deps, draft, async () => {
        const order = await readLogoutToken(provider, logoutToken);
        await database.transaction(async (stores) => {
          const until = new Date(now().getTime() + REMEMBERED_MS);
          const isFirst = await stores.providerSessions.useLogoutToken(hashSecret(order.jti), until);
          if (!isFirst) throw refusal('It was used before.');
          const ended = await stores.providerSessions.end(issuer, order);
          const [userId, ...others] = ended.userIds;
          await stores.audit.append({
            ...draft,
            object: userId === undefined || others.length > 0 ? draft.object : `user:${userId}`,
            detail: { subject: order.subject, sessions_ended: ended.sessions },
            outcome: 'success',
          });
        });
      });
    } catch (error) {
      refused.add(key);
      throw error;
    }
  };
}

/** @throws AppError 'auth.oidc_refused' for anything that is not a fresh logout token for us. */
async function readLogoutToken(provider: Provider, logoutToken: string): Promise<LogoutOrder> {
  const { claims, typ } = await provider.verify(
    logoutToken,
    {
      audience: provider.options.clientId,
      requiredClaims: ['iat', 'jti', 'events'],
      maxTokenAge: MAX_AGE_SECONDS,
    },
    'reload-keys',
  );
  if (!TYPES.has(typ)) throw refusal('Its type is another one.');
  if (claims.nonce !== undefined) throw refusal('A nonce has no place in it.');
  if (!isLogoutEvent(claims.events)) throw refusal('It names no logout.');
  const [sid, subject] = [idOf(claims.sid), idOf(claims.sub)];
  const jti = idOf(claims.jti);
  if (jti === null || (sid === null && subject === null)) throw refusal('It names no session.');
  return { jti, sid, subject };
}

const refusal = (detail: string): AppError => new AppError('auth.oidc_refused', { detail });

const isLogoutEvent = (events: unknown): boolean => {
  if (typeof events !== 'object' || events === null || !Object.hasOwn(events, EVENT)) return false;
  const event: unknown = (events as Record<string, unknown>)[EVENT];
  return typeof event === 'object' && event !== null && !Array.isArray(event);
};

/** Null where it is not there. @throws AppError 'auth.oidc_refused' where it is no id. */
function idOf(value: unknown): string | null {
  if (value === undefined) return null;
  if (typeof value !== 'string' || value === '' || value.length > MAX_ID)
    throw refusal('An id is not valid.');
  return value;
}
