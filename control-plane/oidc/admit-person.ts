/** Makes what the provider says of a person true here: account, system admin, memberships. */
import {
  type Identity,
  type MembershipChange,
  type ProviderUser,
  type Role,
  StoreError,
  type Stores,
} from '#db';
import { type RandomBytes, randomToken } from '../access/secrets.ts';
import { AppError } from '../errors.ts';
import type { MappingOptions } from './provider-options.ts';
import type { ProviderProfile } from './provider-profile.ts';
import type { Grants } from './role-mapping.ts';

export interface Admitted {
  readonly user: ProviderUser;
  readonly isNew: boolean;
  readonly isLinked: boolean;
  /** Whether there is anything that the person may see. */
  readonly hasAccess: boolean;
  readonly changes: readonly MembershipChange[];
}

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/**
 * In one transaction of the caller. A person without any access is not made an account; one who has lost it all loses
 * the memberships too, so the caller commits first and refuses then.
 * @throws AppError 'auth.oidc_no_access' for a stranger without any role, 'auth.oidc_refused' for a disabled account.
 */
export async function admitPerson(
  stores: Stores,
  input: { identity: Identity; profile: ProviderProfile; grants: Grants },
  options: MappingOptions,
  random: RandomBytes,
): Promise<Admitted> {
  const { profile, grants } = input;
  const roles = await rolesByOrganization(stores, grants, options);
  const mayBeMade = roles.size > 0 || grants.isSystemAdmin;
  const found = await findOrCreate(stores, input, options, mayBeMade, random);
  const { user } = found;
  if (user.disabled) throw new AppError('auth.oidc_refused', { detail: 'This account is disabled.' });
  const { isSystemAdmin, isAdminByProvider } = adminOf(user, grants);
  const shown = { email: profile.shownEmail, name: profile.name };
  await stores.identities.update(user.id, { ...shown, isSystemAdmin, isAdminByProvider });
  const changes = await stores.identities.replaceMemberships(user.id, roles);
  const memberships = await stores.users.memberships(user.id);
  return {
    ...found,
    user: { ...user, ...shown, isSystemAdmin, isAdminByProvider },
    hasAccess: isSystemAdmin || memberships.length > 0,
    changes,
  };
}

async function findOrCreate(
  stores: Stores,
  { identity, profile }: { identity: Identity; profile: ProviderProfile },
  options: MappingOptions,
  mayBeMade: boolean,
  random: RandomBytes,
): Promise<Pick<Admitted, 'user' | 'isNew' | 'isLinked'>> {
  const known = await stores.identities.find(identity);
  if (known !== null) return { user: known, isNew: false, isLinked: false };
  if (options.linkByEmail && profile.verifiedEmail !== null) {
    const linked = await stores.identities.linkByEmail(profile.verifiedEmail, identity);
    if (linked !== null) return { user: linked, isNew: false, isLinked: true };
  }
  if (!mayBeMade) throw new AppError('auth.oidc_no_access');
  const user = await stores.identities.create({
    ...identity,
    email: profile.shownEmail,
    name: profile.name,
    passwordHash: passwordThatNothingFits(random),
  });
  return { user, isNew: true, isLinked: false };
}

/** Unknown organisations are ignored, or made where the settings say so. */
async function rolesByOrganization(
  stores: Pick<Stores, 'organizations'>,
  grants: Grants,
  { createOrganizations }: MappingOptions,
): Promise<ReadonlyMap<string, Role>> {
  const roles = new Map<string, Role>();
  for (const [slug, role] of grants.roles) {
    const known = await stores.organizations.findBySlug(slug);
    const organization =
      known ?? (createOrganizations ? await stores.organizations.create({ slug, name: slug }) : null);
    if (organization !== null) roles.set(organization.id, role);
  }
  return roles;
}

/** What was given here stays; what the provider gave it may take. Pure. */
export function adminOf(
  user: Pick<ProviderUser, 'isSystemAdmin' | 'isAdminByProvider'>,
  grants: Pick<Grants, 'isSystemAdmin'>,
): Pick<ProviderUser, 'isSystemAdmin' | 'isAdminByProvider'> {
  const isGivenHere = user.isSystemAdmin && !user.isAdminByProvider;
  return {
    isSystemAdmin: isGivenHere || grants.isSystemAdmin,
    isAdminByProvider: !isGivenHere && grants.isSystemAdmin,
  };
}

/** Looks like the hash of a password (access/passwords.ts), and is one of none: a check takes as long as any. */
const passwordThatNothingFits = (random: RandomBytes): string =>
  `scrypt$N=32768,r=8,p=1$${randomToken(random, SALT_BYTES)}$${randomToken(random, HASH_BYTES)}`;

/** Two first sign-ins of one person at once: the second time the account is there. */
export async function againAfterConflict<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'conflict') throw error;
    return work();
  }
}
