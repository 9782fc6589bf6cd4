/** Organisations: list, create, show, rename. */
import { RESERVED_SLUGS } from '#contract';
import type { Database, Organization } from '#db';
import { audited, byPerson } from '../audit/audited.ts';
import { changesBetween } from '../audit/changes.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { AccessUseCases } from '../use-cases.ts';
import { toListed, toPageRequest } from './list-page.ts';
import { organizationView } from './organization-view.ts';
import { permit, permitGlobally } from './permit.ts';

interface OrganizationDeps {
  readonly database: Database;
  readonly log: Logger;
}

type OrganizationUseCases = Pick<
  AccessUseCases,
  'listOrganizations' | 'createOrganization' | 'getOrganization' | 'updateOrganization'
>;

export function createOrganizations(deps: OrganizationDeps): OrganizationUseCases {
  const { database } = deps;
  return {
    async listOrganizations(person, query) {
      permitGlobally(person, 'organization.list');
      const orgIds = person.isSystemAdmin ? null : [...person.roles.keys()];
      return toListed(await database.organizations.list(orgIds, toPageRequest(query)), organizationView);
    },

    async createOrganization(person, body) {
      const draft = byPerson(person, 'organization.create', `organization:${body.slug}`);
      return audited(deps, draft, async (stores, entry) => {
        permitGlobally(person, 'organization.create');
        if (RESERVED_SLUGS.has(body.slug)) throw new AppError('organization.slug_reserved');
        const created = await stores.organizations.create({ slug: body.slug, name: body.name });
        entry.object = `organization:${created.id}`;
        entry.orgId = created.id;
        entry.detail = { slug: created.slug, name: created.name };
        return organizationView(created);
      });
    },

    async getOrganization(person, orgId) {
      const organization = await database.organizations.find(orgId);
      permit(person, 'organization.read', organization?.id, 'organization.not_found');
      return organizationView(existing(organization));
    },

    async updateOrganization(person, orgId, body) {
      const draft = byPerson(person, 'organization.update', `organization:${orgId}`);
      return audited(deps, draft, async (stores, entry) => {
        const before = await stores.organizations.find(orgId);
        permit(person, 'organization.update', before?.id, 'organization.not_found', entry);
        const after = existing(await stores.organizations.rename(orgId, body.name));
        entry.detail = changesBetween({ name: before?.name }, { name: after.name });
        return organizationView(after);
      });
    },
  };
}

function existing(organization: Organization | null): Organization {
  if (organization === null) throw new AppError('organization.not_found');
  return organization;
}
