/** From the click on the provider's button to a session of ours: authorisation code, PKCE, state, nonce. */
import { randomUUID } from 'node:crypto';
import * as client from 'openid-client';
import type { Database, Identity, Stores } from '#db';
import { type AttemptLimiter, createAttemptLimiter } from '../access/attempt-limiter.ts';
import { hashSecret, type RandomBytes, randomToken } from '../access/secrets.ts';
import { openSession, type SessionLimits } from '../access/sessions.ts';
import { type AuditDraft, auditedOutside } from '../audit/audited.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { OidcUseCases, ProviderAnswer } from '../oidc-use-cases.ts';
import type { SecretBox } from '../secrets/secret-box.ts';
import type { Origin } from '../use-cases.ts';
import { type Admitted, admitPerson, againAfterConflict } from './admit-person.ts';
import type { Provider } from './provider.ts';
import { profileOf } from './provider-profile.ts';
import { returnPathOf } from './return-path.ts';
import { type Grants, grantsOf } from './role-mapping.ts';

/** How long a person may take at the provider's page. */
export const SIGN_IN_LIFE_MS = 600_000;
/** 256 bits each. */
const SECRET_BYTES = 32;
const SECRET = /^[\w-]{43}$/;
/** The provider must have answered within this time before a browser is sent there. */
const FRESH_MS = 15_000;
/** Of one address, begun or failed: sign-ins leave rows, and failures audit rows, which can never be deleted. */
const LIMIT = { attempts: 30, windowMs: 60_000, maxKeys: 10_000 } as const;

export const callbackUrl = (consoleOrigin: string): string => `${consoleOrigin}/api/v1/auth/oidc/callback`;

export interface FlowDeps {
  readonly database: Database;
  readonly provider: Provider;
  readonly secretBox: SecretBox;
  readonly log: Logger;
  readonly now: () => Date;
  readonly random: RandomBytes;
  /** Of our own sessions. */
  readonly sessionLimits: SessionLimits;
}

/** What the provider said, checked. */
interface SignedIn {
  readonly identity: Identity;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly grants: Grants;
  readonly sid: string | null;
  readonly refreshToken: string | null;
}

export function createSignInFlow(deps: FlowDeps): Pick<OidcUseCases, 'begin' | 'finish'> {
  const { database, provider, log, now, random } = deps;
  const { consoleOrigin, scope } = provider.options;
  const beginnings = createAttemptLimiter(LIMIT, now);
  const failures = createAttemptLimiter(LIMIT, now);

  function limit(limiter: AttemptLimiter, { ipAddress }: Origin): void {
    const retryAfterSeconds = limiter.waitSeconds(`ip ${ipAddress}`);
    if (retryAfterSeconds === 0) return;
    log.warn({ ipAddress, retryAfterSeconds }, 'sign-ins by the identity provider limited');
    throw new AppError('rate.limited', { retryAfterSeconds });
  }

  return {
    async begin(returnTo, origin) {
      const path = returnPathOf(returnTo);
      if (path === null) {
        throw new AppError('request.invalid', {
          errors: [{ path: 'return_to', message: 'must be a page of the console' }],
        });
      }
      limit(beginnings, origin);
      beginnings.add(`ip ${origin.ipAddress}`);
      const configuration = await provider.configuration(FRESH_MS);
      const [state, nonce, codeVerifier, browserSecret] = [1, 2, 3, 4].map(() =>
        randomToken(random, SECRET_BYTES),
      ) as [string, string, string, string];
      const expiresAt = new Date(now().getTime() + SIGN_IN_LIFE_MS);
      await database.providerSessions.begin({
        stateHash: hashSecret(state),
        browserHash: hashSecret(browserSecret),
        nonce,
        codeVerifier,
        returnTo: path,
        expiresAt,
      });
      const url = client.buildAuthorizationUrl(configuration, {
        redirect_uri: callbackUrl(consoleOrigin),
        scope,
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
      });
      return { url: url.href, browserSecret, expiresAt };
    },

    async finish(answer, browserSecret, origin) {
      limit(failures, origin);
      const draft = draftOf(provider, origin);
      try {
        return await auditedOutside(deps, draft, () => signIn(deps, answer, browserSecret, origin, draft));
      } catch (error) {
        failures.add(`ip ${origin.ipAddress}`);
        const cause = error instanceof AppError ? error.cause : error;
        // The message alone: causes of the library hold claims and answers.
        log.warn(
          { reason: cause instanceof Error ? cause.message : 'refused' },
          'sign-in by provider failed',
        );
        throw error;
      }
    },
  };
}

const draftOf = (provider: Provider, origin: Origin): AuditDraft => ({
  actor: 'person:unknown',
  ipAddress: origin.ipAddress,
  userAgent: origin.userAgent,
  requestId: origin.requestId,
  action: 'auth.oidc.login',
  object: 'user:unknown',
  orgId: null,
  detail: { issuer: provider.options.issuer },
});

async function signIn(
  deps: FlowDeps,
  answer: ProviderAnswer,
  browserSecret: string | undefined,
  origin: Origin,
  draft: AuditDraft,
): Promise<Awaited<ReturnType<OidcUseCases['finish']>>> {
  const { database, provider, now, random } = deps;
  const begun = await takeSignIn(deps, answer.state, browserSecret);
  const signedIn = await exchange(deps, answer, begun);
  const { identity, claims, grants, sid } = signedIn;
  draft.detail = { ...draft.detail, subject: identity.subject };
  const id = randomUUID();
  const refreshToken = await sealRefreshToken(deps.secretBox, id, signedIn.refreshToken);
  const outcome = await againAfterConflict(() =>
    database.transaction(async (stores) => {
      const profile = profileOf(identity.subject, claims);
      const admitted = await admitPerson(
        stores,
        { identity, profile, grants },
        provider.options.mapping,
        random,
      );
      describe(draft, admitted);
      await recordChanges(stores, provider, admitted, origin);
      if (!admitted.hasAccess) return null;
      const at = now();
      const { sessionToken, session } = await openSession(stores.sessions, {
        userId: admitted.user.id,
        origin,
        now: at,
        random,
        limits: deps.sessionLimits,
      });
      const { tokenHash, expiresAt } = session;
      await stores.providerSessions.bind({ id, tokenHash, ...identity, sid, refreshToken, checkedAt: at });
      await stores.users.recordLogin(admitted.user.id, at);
      await stores.audit.append({ ...draft, outcome: 'success' });
      return { sessionToken, expiresAt };
    }),
  );
  // What the person has lost is committed by now; see admitPerson.
  if (outcome === null) throw new AppError('auth.oidc_no_access');
  return { ...outcome, returnTo: begun.returnTo };
}

async function takeSignIn(
  { database, now }: FlowDeps,
  state: string | undefined,
  browserSecret: string | undefined,
) {
  const isPlausible = SECRET.test(state ?? '') && SECRET.test(browserSecret ?? '');
  const begun =
    isPlausible && state !== undefined && browserSecret !== undefined
      ? await database.providerSessions.take(hashSecret(state), hashSecret(browserSecret), now())
      : null;
  if (begun === null) {
    throw new AppError('auth.oidc_refused', {
      detail: 'This sign-in was not begun in this browser, or it took too long; begin again.',
    });
  }
  return begun;
}

/** Code against tokens, and everything about them that can be checked. */
async function exchange(
  { provider }: FlowDeps,
  answer: ProviderAnswer,
  begun: Awaited<ReturnType<typeof takeSignIn>>,
): Promise<SignedIn> {
  const { clientId, consoleOrigin, issuer, mapping } = provider.options;
  const configuration = await provider.configuration();
  const url = new URL(callbackUrl(consoleOrigin));
  for (const [name, value] of Object.entries(answer)) {
    if (typeof value === 'string') url.searchParams.set(name, value);
  }
  const tokens = await client
    .authorizationCodeGrant(configuration, url, {
      // The row was found by it.
      expectedState: answer.state ?? '',
      expectedNonce: begun.nonce,
      pkceCodeVerifier: begun.codeVerifier,
      idTokenExpected: true,
    })
    .catch((cause: unknown) => Promise.reject(toSignInError(cause)));
  const idToken = await provider.verify(
    tokens.id_token ?? '',
    { audience: clientId, requiredClaims: ['sub', 'exp', 'iat', 'nonce'] },
    'reload-keys',
  );
  const { sub, sid, nonce } = idToken.claims;
  if (nonce !== begun.nonce) throw new AppError('auth.oidc_refused');
  const subject = subjectOf(sub);
  const accessClaims = await claimsOfOwnAccessToken(provider, tokens.access_token, subject);
  return {
    identity: { issuer, subject },
    claims: { ...accessClaims, ...idToken.claims },
    grants: grantsOf([idToken.claims, accessClaims], mapping),
    sid: typeof sid === 'string' && sid.length <= MAX_SUBJECT ? sid : null,
    refreshToken: tokens.refresh_token ?? null,
  };
}

/** OpenID Connect Core §2: at most 255 characters of ASCII. */
const MAX_SUBJECT = 255;
/** @throws AppError 'auth.oidc_refused' */
export function subjectOf(sub: unknown): string {
  if (typeof sub !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(sub)) throw new AppError('auth.oidc_refused');
  return sub;
}

/** Roles stand in Keycloak's access token alone, unless told otherwise. One that is no JWT says nothing. */
export async function claimsOfOwnAccessToken(
  provider: Provider,
  accessToken: string,
  subject: string,
): Promise<Readonly<Record<string, unknown>>> {
  try {
    const { claims } = await provider.verify(accessToken, { subject });
    return claims;
  } catch (error) {
    if (error instanceof AppError && error.code === 'auth.oidc_refused') return {};
    throw error;
  }
}

/** For the audit row, as far as the account is known. */
function describe(draft: AuditDraft, { user, isNew, isLinked }: Admitted): void {
  draft.actor = `person:${user.email}`;
  draft.actorId = user.id;
  draft.object = `user:${user.id}`;
  if (isNew || isLinked)
    draft.detail = { ...draft.detail, ...(isNew ? { created: true } : { linked: true }) };
}

/** Beside the row of the sign-in, one in the log of each organisation whose membership the provider changed. */
export async function recordChanges(
  stores: Pick<Stores, 'audit'>,
  provider: Provider,
  { user, changes }: Admitted,
  origin: Pick<Origin, 'ipAddress'>,
): Promise<void> {
  for (const { orgId, before, after } of changes) {
    await stores.audit.append({
      actor: `provider:${new URL(provider.options.issuer).host}`,
      ipAddress: origin.ipAddress,
      orgId,
      action: 'member.provider',
      object: `user:${user.id}`,
      outcome: 'success',
      detail: { email: user.email, before: { role: before }, after: { role: after } },
    });
  }
}

/** Bound to the row that will hold it. */
export async function sealRefreshToken(
  secretBox: SecretBox,
  id: string,
  refreshToken: string | null,
): Promise<string | null> {
  if (refreshToken === null) return null;
  return secretBox.seal({ orgId: null }, refreshTokenContext(id), Buffer.from(refreshToken));
}
export const refreshTokenContext = (id: string) => ({ object: `refresh_token:${id}`, version: '1' });

/** RFC 6749 §4.1.2.1 and OpenID Connect Core §3.1.2.6; only a known word of the answer is shown. */
const KNOWN_ERRORS =
  /^(access_denied|login_required|consent_required|interaction_required|server_error|temporarily_unavailable|invalid_scope|unauthorized_client)$/;

/** The answer's fault, or the provider's absence. */
export function toSignInError(cause: unknown): AppError {
  if (cause instanceof client.AuthorizationResponseError || cause instanceof client.ResponseBodyError) {
    const word = KNOWN_ERRORS.exec(cause.error)?.[0];
    return new AppError('auth.oidc_refused', {
      cause,
      ...(word === undefined ? {} : { detail: `The identity provider says: ${word}.` }),
    });
  }
  const isFault = cause instanceof client.ClientError && !ABSENCE.has(cause.code);
  return new AppError(isFault ? 'auth.oidc_refused' : 'auth.oidc_unavailable', { cause });
}

/** What openid-client says where the provider, or a proxy before it, gave no answer of its own. */
const ABSENCE: ReadonlySet<string | undefined> = new Set([
  undefined,
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
]);
