/** The access use cases, put together. */
import type { Database } from '#db';
import { listAudit } from '../audit/audit-list.ts';
import type { Logger } from '../log.ts';
import type { AccessUseCases } from '../use-cases.ts';
import { createMembers } from './members.ts';
import { createOrganizations } from './organizations.ts';
import { createPasswords } from './passwords.ts';
import type { RandomBytes } from './secrets.ts';
import { createSignIn } from './sign-in.ts';

export interface AccessDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
  readonly random: RandomBytes;
}

export function createAccessUseCases(deps: AccessDeps): AccessUseCases {
  const withPasswords = { ...deps, passwords: createPasswords(deps.random) };
  return {
    ...createSignIn(withPasswords),
    ...createOrganizations(deps),
    ...createMembers(withPasswords),
    listAudit: (person, query) => listAudit(deps.database, person, query),
  };
}
