/** The use cases of people, groups and the life of organisations, put together. */
import type { PeopleUseCases } from '../people-use-cases.ts';
import { createExportSlots } from '../telemetry/export-slots.ts';
import { createGroups } from './groups.ts';
import { createOrganizationExport } from './organization-export.ts';
import { createOrganizationLife, type OrganizationLifeDeps } from './organization-life.ts';
import { createSecurity } from './security.ts';
import { createUsers } from './users.ts';

/** Of one process; each holds a page of rows and a connection while it reads. */
const MAX_ORGANIZATION_EXPORTS = 2;

export const createPeopleUseCases = (deps: OrganizationLifeDeps): PeopleUseCases => ({
  ...createOrganizationLife(deps),
  ...createSecurity(deps),
  ...createUsers(deps),
  ...createGroups(deps),
  exportOrganization: createOrganizationExport({
    ...deps,
    slots: createExportSlots(MAX_ORGANIZATION_EXPORTS),
  }),
});
