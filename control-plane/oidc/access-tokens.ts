/** Bearer access tokens of the provider (JWT, RFC 9068 or as Keycloak makes them): who calls, with which roles. */
import type { Database, Membership, ProviderUser, Role } from '#db';
import { hashSecret, type RandomBytes } from '../access/secrets.ts';
import { standingOf } from '../access/standing.ts';
import { auditedOutside } from '../audit/audited.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Origin, Person } from '../use-cases.ts';
import { adminOf, admitPerson, againAfterConflict } from './admit-person.ts';
import type { Provider } from './provider.ts';
import { profileOf } from './provider-profile.ts';
import { type Grants, grantsOf } from './role-mapping.ts';
import { recordChanges, subjectOf } from './sign-in-flow.ts';

/** A verified token is not verified again within this time; account, roles and organisations are read each time. */
const CACHE_MS = 60_000;
const MAX_CACHED = 10_000;

export interface AccessTokenDeps {
  readonly database: Database;
  readonly provider: Provider;
  readonly log: Logger;
  readonly now: () => Date;
  readonly random: RandomBytes;
}

interface Verified {
  readonly subject: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly grants: Grants;
  readonly untilMs: number;
}

/** @returns a function that throws AppError 'auth.required', 'auth.oidc_no_access', 'auth.oidc_unavailable' */
export function createAccessTokens(deps: AccessTokenDeps) {
  const { database, provider, now } = deps;
  const { issuer, audience, mapping } = provider.options;
  /** By hash of the token, oldest first. */
  const cache = new Map<string, Verified>();

  async function verified(jwt: string): Promise<Verified> {
    const key = hashSecret(jwt);
    const cached = cache.get(key);
    if (cached !== undefined && cached.untilMs > now().getTime()) return cached;
    cache.delete(key);
    const fresh = await verifyAccessToken(provider, jwt, audience);
    const entry = {
      subject: fresh.subject,
      claims: fresh.claims,
      grants: grantsOf([fresh.claims], mapping),
      untilMs: Math.min(fresh.expiresAtMs, now().getTime() + CACHE_MS),
    };
    const oldest = cache.keys().next();
    if (cache.size >= MAX_CACHED && !oldest.done) cache.delete(oldest.value);
    cache.set(key, entry);
    return entry;
  }

  return async (jwt: string, origin: Origin): Promise<Person> => {
    const { subject, claims, grants } = await verified(jwt);
    const identity = { issuer, subject };
    const known = await database.identities.find(identity);
    const user = known ?? (await admitStranger(deps, { identity, claims, grants }, origin));
    if (user.disabled) throw new AppError('auth.required');
    const { isSystemAdmin } = adminOf(user, grants);
    const memberships = await membershipsOf(database, user, grants);
    if (!isSystemAdmin && memberships.length === 0) throw new AppError('auth.oidc_no_access');
    return {
      kind: 'person',
      userId: user.id,
      email: user.email,
      isSystemAdmin,
      mustChangePassword: false,
      // The provider asks for a second factor of its own.
      mustEnrollTotp: false,
      ...standingOf(memberships, origin.ipAddress, isSystemAdmin, false),
      apiKey: null,
      csrfToken: '',
      sessionTokenHash: '',
      origin,
    };
  };
}

/**
 * An access token, and none of the provider's other tokens: by its type in the header (RFC 9068) or in Keycloak's claim.
 * @throws AppError 'auth.required', 'auth.oidc_unavailable'
 */
async function verifyAccessToken(provider: Provider, jwt: string, audience: string) {
  try {
    const { claims, typ } = await provider.verify(jwt, { audience, requiredClaims: ['sub', 'exp', 'iat'] });
    const isTyped = typ === 'at+jwt' || typ === 'application/at+jwt';
    if (!(isTyped ? claims.typ === undefined || claims.typ === 'Bearer' : claims.typ === 'Bearer')) {
      throw new AppError('auth.required');
    }
    const isOdd = claims.nonce !== undefined || claims.events !== undefined || isBound(claims.cnf);
    if (isOdd) throw new AppError('auth.required');
    return { claims, subject: subjectOf(claims.sub), expiresAtMs: (claims.exp ?? 0) * 1000 };
  } catch (error) {
    if (error instanceof AppError && error.code === 'auth.oidc_refused') {
      throw new AppError('auth.required', { cause: error });
    }
    throw error;
  }
}

/** Bound to a key or certificate of its holder (RFC 8705, 9449), which we do not ask for: as a plain bearer it is stolen. */
const isBound = (cnf: unknown): boolean => cnf !== undefined;

/** Seen for the first time: the account is made as at a sign-in, with one audit row. */
function admitStranger(
  deps: AccessTokenDeps,
  input: { identity: { issuer: string; subject: string }; claims: Verified['claims']; grants: Grants },
  origin: Origin,
): Promise<ProviderUser> {
  const { database, provider, random } = deps;
  const { identity, claims, grants } = input;
  const draft = {
    actor: 'person:unknown',
    ipAddress: origin.ipAddress,
    action: 'auth.oidc.first_token',
    object: 'user:unknown',
    orgId: null,
    detail: { ...identity },
  };
  const admit = () =>
    database.transaction(async (stores) => {
      const profile = profileOf(identity.subject, claims);
      const { mapping } = provider.options;
      const admitted = await admitPerson(stores, { identity, profile, grants }, mapping, random);
      const { user, isNew, isLinked } = admitted;
      // Another first request was faster, and has the row.
      if (!isNew && !isLinked) return user;
      await recordChanges(stores, provider, admitted, origin);
      const object = `user:${user.id}`;
      await stores.audit.append({ ...draft, actor: `person:${user.email}`, object, outcome: 'success' });
      return user;
    });
  return auditedOutside(deps, draft, () => againAfterConflict(admit));
}

/** What the token says, and what was given here; never what an earlier token said. */
async function membershipsOf(
  database: Pick<Database, 'identities'>,
  user: Pick<ProviderUser, 'id'>,
  grants: Grants,
): Promise<Membership[]> {
  const found = await database.identities.memberships(user.id, [...grants.roles.keys()]);
  return found.flatMap(({ localRole, ...membership }) => {
    const role: Role | null | undefined = localRole ?? grants.roles.get(membership.orgSlug);
    return role === undefined || role === null ? [] : [{ ...membership, role }];
  });
}
