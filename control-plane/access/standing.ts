/** What memberships make of a person: roles, their limits, and where the door is shut. Pure. */
import ipaddr from 'ipaddr.js';
import type { Membership } from '#db';
import type { MembershipView } from '#web-api';
import type { ErrorCode } from '../errors.ts';
import type { Person } from '../use-cases.ts';
import { roleActions } from './policy.ts';

export type Standing = Pick<Person, 'roles' | 'groups' | 'barred'>;

/**
 * @param ipAddress of this request; null is within no network.
 * System admins are bound by neither: they are the way out where an organisation has locked itself in.
 */
export function standingOf(
  memberships: readonly Membership[],
  ipAddress: string | null,
  isSystemAdmin: boolean,
  lacksTotp: boolean,
): Standing {
  const barred = new Map<string, ErrorCode>();
  for (const membership of isSystemAdmin ? [] : memberships) {
    const reason = barOf(membership, ipAddress, lacksTotp);
    if (reason !== null) barred.set(membership.orgId, reason);
  }
  return {
    roles: new Map(memberships.map(({ orgId, role }) => [orgId, role])),
    groups: new Map(
      memberships.flatMap(({ orgId, groupIds }) => (groupIds === null ? [] : [[orgId, groupIds] as const])),
    ),
    barred,
  };
}

export function barOf(
  membership: Pick<Membership, 'isSuspended' | 'allowedNetworks' | 'requireTotp'>,
  ipAddress: string | null,
  lacksTotp: boolean,
): ErrorCode | null {
  if (membership.isSuspended) return 'organization.suspended';
  if (!isWithin(membership.allowedNetworks, ipAddress)) return 'organization.network_refused';
  return membership.requireTotp && lacksTotp ? 'auth.totp_enrollment_required' : null;
}

/** As the person sees it, with what the policy lets them do there from this address. */
export function membershipView(
  membership: Membership,
  ipAddress: string | null,
  isSystemAdmin: boolean,
  lacksTotp: boolean,
): MembershipView {
  const { orgId, orgSlug, orgName, role, groupIds } = membership;
  const barredBy = isSystemAdmin ? null : barOf(membership, ipAddress, lacksTotp);
  return {
    organization_id: orgId,
    organization_slug: orgSlug,
    organization_name: orgName,
    role,
    group_ids: groupIds === null ? null : [...groupIds],
    barred_by: barredBy,
    actions: barredBy === null ? roleActions(role, groupIds !== null) : [],
  };
}

/** An empty list holds every address; an IPv4 address is the same in its IPv6 spelling. */
export function isWithin(networks: readonly string[], ipAddress: string | null): boolean {
  if (networks.length === 0) return true;
  if (ipAddress === null || !ipaddr.isValid(ipAddress)) return false;
  const address = ipaddr.process(ipAddress);
  return networks.some((network) => {
    const [base, bits] = ipaddr.parseCIDR(network);
    return base.kind() === address.kind() && address.match(base, bits);
  });
}

/** As PostgreSQL's cidr has it: `10.1.2.3/8` → `10.0.0.0/8`, one address alone → `/32` or `/128`; null for anything else. */
export function networkOf(text: string): string | null {
  const [address = '', bits, ...rest] = text.trim().split('/');
  if (rest.length > 0 || !isPlainAddress(address)) return null;
  const parsed = ipaddr.parse(address);
  const widest = parsed.kind() === 'ipv4' ? 32 : 128;
  if (bits !== undefined && !/^\d{1,3}$/.test(bits)) return null;
  const prefix = bits === undefined ? widest : Number(bits);
  if (prefix > widest) return null;
  const network = `${parsed.toNormalizedString()}/${prefix}`;
  const base =
    parsed.kind() === 'ipv4'
      ? ipaddr.IPv4.networkAddressFromCIDR(network)
      : ipaddr.IPv6.networkAddressFromCIDR(network);
  return `${base.toString()}/${prefix}`;
}

/** No zone, no IPv4 in parts, hex or octal: only what every reader takes for the same address. */
const isPlainAddress = (text: string): boolean =>
  ipaddr.IPv4.isValidFourPartDecimal(text) ||
  (ipaddr.IPv6.isValid(text) && !text.includes('%') && !text.includes('.'));
