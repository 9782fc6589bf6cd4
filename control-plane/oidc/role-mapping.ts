/** What the provider's claims make of a person: which role in which organisation, and whether a system admin. Pure. */
import type { Role } from '#db';
import { ROLES } from '#web-api';
import type { MappingOptions } from './provider-options.ts';

export interface Grants {
  readonly isSystemAdmin: boolean;
  /** Slug of the organisation → role. */
  readonly roles: ReadonlyMap<string, Role>;
}

/** More organisations than that in one token are not looked at: it holds 4 kB of slugs by then. */
const MAX_ORGANIZATIONS = 200;
const MAX_ROLES = 1000;
const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,25}[a-z0-9])?$/;
const GROUP = /^\/orgs\/([^/]+)\/([^/]+)$/;

/**
 * Realm roles and roles of our client count in every organisation of the organisation claim; a group
 * `/orgs/<slug>/<role>` counts in that organisation. Where several roles meet, the first of ROLES wins. What is not
 * understood gives nothing.
 * @param sources claims of the ID token and of the access token: what either says counts.
 */
export function grantsOf(
  sources: readonly Readonly<Record<string, unknown>>[],
  options: MappingOptions,
): Grants {
  const theirs = new Set(sources.flatMap((claims) => rolesOf(claims, options.clientId)));
  const everywhere = [...theirs].flatMap((role) => options.roles.get(role) ?? []);
  const roles = new Map<string, Role>();
  const give = (slug: string, role: Role | null | undefined): void => {
    if (role === null || role === undefined || !SLUG.test(slug)) return;
    if (!roles.has(slug) && roles.size >= MAX_ORGANIZATIONS) return;
    roles.set(slug, strongest([role, roles.get(slug)]));
  };
  for (const claims of sources) {
    for (const slug of organizationsOf(ownValue(claims, options.organizationClaim))) {
      for (const role of everywhere) give(slug, role);
      give(slug, options.defaultRole);
    }
    for (const group of textsOf(ownValue(claims, options.groupsClaim))) {
      const [, slug, role] = GROUP.exec(group) ?? [];
      if (slug !== undefined && role !== undefined) give(slug, options.roles.get(role));
    }
  }
  return { isSystemAdmin: options.systemAdminRole !== null && theirs.has(options.systemAdminRole), roles };
}

function rolesOf(claims: Readonly<Record<string, unknown>>, clientId: string): string[] {
  const realm = ownValue(claims, 'realm_access');
  const client = ownValue(ownValue(claims, 'resource_access'), clientId);
  return [...textsOf(ownValue(realm, 'roles')), ...textsOf(ownValue(client, 'roles'))];
}

/** `["acme"]`, or `{"acme": {"id": "…"}}`, or `"acme"`: the provider has all three. */
function organizationsOf(claim: unknown): string[] {
  if (typeof claim === 'string') return [claim];
  if (Array.isArray(claim)) return textsOf(claim);
  return typeof claim === 'object' && claim !== null ? Object.keys(claim).slice(0, MAX_ROLES) : [];
}

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.slice(0, MAX_ROLES).filter((one) => typeof one === 'string') : [];

const ownValue = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;

function strongest(roles: readonly (Role | undefined)[]): Role {
  return ROLES.find((role) => roles.includes(role)) ?? 'org_member';
}
