/** Asks the policy on behalf of a use case and turns its verdict into the error that the caller meets. */
import type { OrganizationStore } from '#db';
import type { Action } from '#web-api';
import type { AuditDraft } from '../audit/audited.ts';
import { AppError, type ErrorCode } from '../errors.ts';
import type { Person } from '../use-cases.ts';
import { decide } from './policy.ts';

/** Organisations that a list spans: one, several, or all of them (null). */
export type OrgScope = string | null | readonly string[];

/**
 * Lets the person act on an object of `orgId`; undefined stands for an object that does not exist.
 * Only an organisation that the person may know of gets into the audit row: foreign and unknown ids leave the same trace.
 * @throws AppError `notFound`, 'auth.forbidden', 'auth.password_change_required'
 */
export function permit(
  person: Person,
  action: Action,
  orgId: string | undefined,
  notFound: ErrorCode,
  entry?: AuditDraft,
): asserts orgId is string {
  requireOwnPassword(person);
  const verdict = orgId === undefined ? 'hide' : decide(person, action, orgId);
  if (orgId === undefined || verdict === 'hide') throw new AppError(notFound);
  if (entry !== undefined) entry.orgId = orgId;
  if (verdict === 'forbid') throw new AppError('auth.forbidden');
}

/** For actions on the installation, which belong to no organisation. @throws AppError 'auth.forbidden' */
export function permitGlobally(person: Person, action: Action): void {
  requireOwnPassword(person);
  if (decide(person, action, null) !== 'allow') throw new AppError('auth.forbidden');
}

/**
 * What a list may show: the organisation asked for, otherwise all in which the person may do `action`.
 * @throws AppError 'organization.not_found' for a foreign or unknown one, 'auth.forbidden'
 */
export async function listScope(
  organizations: Pick<OrganizationStore, 'find'>,
  person: Person,
  action: Action,
  orgId: string | undefined,
): Promise<OrgScope> {
  if (orgId === undefined) {
    permitGlobally(person, action);
    if (person.isSystemAdmin) return null;
    return [...person.roles.keys()].filter((id) => decide(person, action, id) === 'allow');
  }
  // UUIDs come in either case; ours are lower.
  const ownSpelling = orgId.toLowerCase();
  permit(person, action, ownSpelling, 'organization.not_found');
  // The policy lets system admins into every organisation, those that do not exist among them.
  if (person.isSystemAdmin && (await organizations.find(ownSpelling)) === null) {
    throw new AppError('organization.not_found');
  }
  return ownSpelling;
}

function requireOwnPassword(person: Person): void {
  if (person.mustChangePassword) throw new AppError('auth.password_change_required');
}
