/**
 * Asks the provider whether its sessions behind ours still live, by their refresh tokens: for providers that send no
 * back-channel logout, and for one that was lost. Only sessions in use are asked for, or ours would keep theirs alive.
 */
import * as client from 'openid-client';
import type { Database, ProviderSession } from '#db';
import { toAppError } from '../access/store-failure.ts';
import { AppError } from '../errors.ts';
import { type Job, startJobs } from '../jobs/intervals.ts';
import type { SecretBox } from '../secrets/secret-box.ts';
import { admitPerson } from './admit-person.ts';
import type { Provider } from './provider.ts';
import { profileOf } from './provider-profile.ts';
import { grantsOf } from './role-mapping.ts';
import {
  claimsOfOwnAccessToken,
  type FlowDeps,
  recordChanges,
  refreshTokenContext,
  sealRefreshToken,
  toSignInError,
} from './sign-in-flow.ts';

const EVERY_MS = 30_000;
/** In one run, one after the other; what is left waits for the next. */
const MAX_CHECKS = 200;
const LOCK = 'job:provider-sessions';

/** Of several processes one does the work. */
export function startSessionChecks(deps: FlowDeps): { stop(): Promise<void> } {
  const { database, log, now } = deps;
  const job: Job = {
    name: 'provider-sessions',
    everyMs: EVERY_MS,
    async run() {
      await database.withLock(LOCK, async () => {
        await database.providerSessions.deleteExpired(now());
        const ended = await checkSessions(deps);
        if (ended > 0) log.info({ sessions: ended }, 'sessions ended with those of the identity provider');
      });
    },
  };
  return startJobs({ jobs: [job], log });
}

/** Stops at the first question that the provider does not answer: sessions go on while it is away. @returns ended ones */
export async function checkSessions(deps: FlowDeps): Promise<number> {
  const { database, provider, now } = deps;
  const before = new Date(now().getTime() - provider.options.recheckMs);
  let ended = 0;
  for (const session of await database.providerSessions.due(before, MAX_CHECKS)) {
    const verdict = await checkSession(deps, session);
    if (verdict === 'unanswered') break;
    if (verdict === 'ended') ended += 1;
  }
  return ended;
}

async function checkSession(
  deps: FlowDeps,
  session: ProviderSession,
): Promise<'alive' | 'ended' | 'unanswered'> {
  try {
    await refresh(deps, session);
    return 'alive';
  } catch (cause) {
    const error = toAppError(cause);
    if (!(error instanceof AppError) || !ENDS.has(error.code)) {
      deps.log.warn({ err: error }, 'a session could not be checked with the identity provider');
      return 'unanswered';
    }
    await endSession(deps, session, error.code);
    return 'ended';
  }
}

/** The provider gives no more tokens, or the person has nothing left to see here. */
const ENDS: ReadonlySet<string> = new Set([
  'auth.oidc_refused',
  'auth.oidc_no_access',
  'encryption.unreadable',
]);

/** Also takes the roles over that the provider gives now. */
async function refresh(deps: FlowDeps, session: ProviderSession): Promise<void> {
  const { database, provider, secretBox, random, now } = deps;
  const { mapping, clientId } = provider.options;
  const refreshToken = await openRefreshToken(secretBox, session);
  const tokens = await client
    .refreshTokenGrant(await provider.configuration(), refreshToken)
    .catch((error: unknown) => Promise.reject(toSignInError(error)));
  const renewed = await sealRefreshToken(secretBox, session.id, tokens.refresh_token ?? null);
  await database.providerSessions.checked(session.id, { at: now(), refreshToken: renewed });
  const accessClaims = await claimsOfOwnAccessToken(provider, tokens.access_token, session.subject);
  const idClaims =
    tokens.id_token === undefined
      ? {}
      : (
          await provider.verify(
            tokens.id_token,
            { audience: clientId, subject: session.subject },
            'reload-keys',
          )
        ).claims;
  // Without claims of its own the answer says that the session lives, and nothing about roles.
  if (tokens.id_token === undefined && Object.keys(accessClaims).length === 0) return;
  const identity = { issuer: session.issuer, subject: session.subject };
  const profile = profileOf(session.subject, { ...accessClaims, ...idClaims });
  const grants = grantsOf([idClaims, accessClaims], mapping);
  const { hasAccess } = await database.transaction(async (stores) => {
    const admitted = await admitPerson(stores, { identity, profile, grants }, mapping, random);
    await recordChanges(stores, provider, admitted, { ipAddress: null });
    return admitted;
  });
  if (!hasAccess) throw new AppError('auth.oidc_no_access');
}

async function openRefreshToken(secretBox: SecretBox, session: ProviderSession): Promise<string> {
  const opened = await secretBox.open({ orgId: null }, refreshTokenContext(session.id), session.refreshToken);
  return Buffer.from(opened).toString('utf8');
}

const endSession = (
  { database, provider }: { database: Database; provider: Provider },
  session: ProviderSession,
  code: string,
): Promise<void> =>
  database.transaction(async (stores) => {
    await stores.sessions.end(session.tokenHash);
    await stores.audit.append({
      actor: `provider:${new URL(provider.options.issuer).host}`,
      ipAddress: null,
      orgId: null,
      action: 'auth.oidc.session_ended',
      object: `user:${session.userId}`,
      outcome: 'success',
      detail: { reason: code },
    });
  });
