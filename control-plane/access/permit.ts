/** Asks the policy on behalf of a use case and turns its verdict into the error that the caller meets. */
import type { DeviceScope, OrganizationStore } from '#db';
import type { Action } from '#web-api';
import type { AuditDraft } from '../audit/audited.ts';
import { AppError, type ErrorCode } from '../errors.ts';
import type { Person } from '../use-cases.ts';
import { decide, isLimited, isOnOneDevice, namesDevices } from './policy.ts';

/** Organisations that a list spans: one, several, or all of them (null). */
export type OrgScope = string | null | readonly string[];

/**
 * Lets the person act on an object of `orgId`; undefined stands for an object that does not exist.
 * Only an organisation that the person may know of gets into the audit row: foreign and unknown ids leave the same trace.
 * @throws AppError `notFound`, 'auth.forbidden', 'auth.password_change_required', and what bars the person there:
 * 'organization.suspended', 'organization.network_refused'
 */
export function permit(
  person: Person,
  action: Action,
  orgId: string | undefined,
  notFound: ErrorCode,
  entry?: AuditDraft,
): asserts orgId is string {
  permitWithinGroups(person, action, orgId, notFound, entry);
  // Whoever sees some devices alone is let in by those who have looked the device up among them.
  if (isLimited(person, orgId) && isOnOneDevice(action)) throw new AppError(notFound);
}

/** As `permit`, for a device that was found among those of `knownDevices`. */
export function permitWithinGroups(
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
  if (verdict === 'bar') throw new AppError(person.barred.get(orgId) ?? 'auth.forbidden');
  if (verdict === 'forbid') throw new AppError('auth.forbidden');
}

/** For actions on the installation, which belong to no organisation. @throws AppError 'auth.forbidden' */
export function permitGlobally(person: Person, action: Action): void {
  requireOwnPassword(person);
  if (decide(person, action, null) !== 'allow') throw new AppError('auth.forbidden');
}

/**
 * What a list may show: the organisation asked for, otherwise all in which the person may do `action`. A list of devices,
 * or of what came of them, takes `deviceScope`: here it fails closed for a person who sees only some of them.
 * @throws AppError 'organization.not_found' for a foreign or unknown one, 'auth.forbidden'
 */
export async function listScope(
  organizations: Pick<OrganizationStore, 'find'>,
  person: Person,
  action: Action,
  orgId: string | undefined,
): Promise<OrgScope> {
  const scope = await orgScope(organizations, person, action, orgId);
  if (scope === null || !namesDevices(action)) return scope;
  if (typeof scope !== 'string') return scope.filter((id) => !isLimited(person, id));
  if (isLimited(person, scope)) throw new AppError('auth.forbidden');
  return scope;
}

/**
 * The devices that a list may show: as `listScope`, and in organisations where the person's role is limited to groups,
 * the devices of these. @throws as `listScope`
 */
export async function deviceScope(
  organizations: Pick<OrganizationStore, 'find'>,
  person: Person,
  action: Action,
  orgId: string | undefined,
): Promise<DeviceScope> {
  const scope = await orgScope(organizations, person, action, orgId);
  return scope === null ? null : withinGroups(person, scope);
}

/** Of all devices in the database, those that the person may know of; an action on them is decided apart. */
export const knownDevices = (person: Person): DeviceScope =>
  person.isSystemAdmin || person.groups.size === 0 ? null : withinGroups(person, [...person.roles.keys()]);

function withinGroups(person: Person, scope: string | readonly string[]): DeviceScope {
  const orgIds = typeof scope === 'string' ? [scope] : scope;
  const limited = orgIds.filter((id) => isLimited(person, id));
  if (limited.length === 0) return scope;
  return {
    orgIds: orgIds.filter((id) => !isLimited(person, id)),
    groupIds: limited.flatMap((id) => person.groups.get(id) ?? []),
  };
}

async function orgScope(
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
  permitWithinGroups(person, action, ownSpelling, 'organization.not_found');
  // The policy lets system admins into every organisation, those that do not exist among them.
  if (person.isSystemAdmin && (await organizations.find(ownSpelling)) === null) {
    throw new AppError('organization.not_found');
  }
  return ownSpelling;
}

function requireOwnPassword(person: Person): void {
  if (person.mustChangePassword) throw new AppError('auth.password_change_required');
  if (person.mustEnrollTotp) throw new AppError('auth.totp_enrollment_required');
}
