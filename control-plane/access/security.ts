/** What an organisation asks of its people and devices: second factor, networks, lifetimes, approval. */
import type { Database, OrganizationSecurity, SecurityChange } from '#db';
import type { BodyOf, SecurityView } from '#web-api';
import { audited, byPerson } from '../audit/audited.ts';
import { changesBetween } from '../audit/changes.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { PeopleUseCases } from '../people-use-cases.ts';
import type { Person } from '../use-cases.ts';
import { announceAccess } from './announce-access.ts';
import { permit } from './permit.ts';
import { isWithin, networkOf } from './standing.ts';

interface SecurityDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
}

export function createSecurity(deps: SecurityDeps): Pick<PeopleUseCases, 'security' | 'updateSecurity'> {
  const { database, now } = deps;
  return {
    async security(person, orgId) {
      const organization = await database.organizations.find(orgId);
      permit(person, 'security.read', organization?.id, 'organization.not_found');
      return securityView(await database.organizationSecurity.get(organization.id));
    },

    async updateSecurity(person, orgId, body) {
      const draft = byPerson(person, 'security.update', `organization:${orgId}`);
      return audited(deps, draft, async (stores, entry) => {
        const organization = await stores.organizations.find(orgId);
        permit(person, 'security.write', organization?.id, 'organization.not_found', entry);
        const change = changeOf(body);
        refuseLockOut(person, change.allowedNetworks);
        const before = await stores.organizationSecurity.get(organization.id);
        const after = await stores.organizationSecurity.replace(organization.id, body.version, {
          ...change,
          updatedBy: person.email,
        });
        if (after === null) throw new AppError('security.conflict');
        entry.object = `organization:${organization.id}`;
        entry.detail = changesBetween(shownFields(before), shownFields(after));
        await announceAccess(stores, organization.id, now());
        return securityView(after);
      });
    },
  };
}

/** @throws AppError 'request.invalid' naming e.g. `allowed_networks.2` */
function changeOf(body: BodyOf<'security.update'>): SecurityChange {
  const networks = body.allowed_networks.map((text, index) => {
    const network = networkOf(text);
    if (network !== null) return network;
    const message = 'must be a network such as 10.0.0.0/8 or 2001:db8::/32';
    throw new AppError('request.invalid', { errors: [{ path: `allowed_networks.${index}`, message }] });
  });
  return {
    requireTotp: body.require_totp,
    sessionIdleMinutes: body.session_idle_minutes,
    allowedNetworks: [...new Set(networks)],
    enrollmentApproval: body.enrollment_approval,
    maxApiKeyDays: body.max_api_key_days,
  };
}

/** Whoever sets the networks is within them; a system admin is not bound, and may set them for others. */
function refuseLockOut(person: Person, networks: readonly string[]): void {
  if (person.isSystemAdmin || isWithin(networks, person.origin.ipAddress)) return;
  throw new AppError('security.locks_out', {
    errors: [{ path: 'allowed_networks', message: 'must hold the address that you come from' }],
  });
}

function shownFields(security: OrganizationSecurity): Record<string, unknown> {
  const { version: _, updated_at: _at, updated_by: _by, ...fields } = securityView(security);
  return fields;
}

const securityView = (security: OrganizationSecurity): SecurityView => ({
  version: security.version,
  require_totp: security.requireTotp,
  session_idle_minutes: security.sessionIdleMinutes,
  allowed_networks: [...security.allowedNetworks],
  enrollment_approval: security.enrollmentApproval,
  max_api_key_days: security.maxApiKeyDays,
  updated_at: security.updatedAt?.toISOString() ?? null,
  updated_by: security.updatedBy,
});
