/** Who may do what: the one table of role × action, and the one decision on it. Pure. */
import { ACTIONS, type Action, type Role } from '#web-api';
import type { Person } from '../use-cases.ts';

/** Actions that need no role: their routes prove the caller in another way. */
type RolelessAction = 'public' | 'self' | 'device.self';
export type RoleAction = Exclude<Action, RolelessAction>;
export type PolicyRole = 'system_admin' | Role;

const MEMBER_ACTIONS = [
  'organization.list',
  'organization.read',
  'member.read',
  'group.read',
  'device.read',
  'token.read',
  'integrator.read',
  'certificate.read',
  'enrollment.read',
  'refusal.read',
  'telemetry.read',
  'log.read',
] as const satisfies readonly RoleAction[];

/** Runs devices day by day. */
const OPERATOR_ACTIONS = [
  ...MEMBER_ACTIONS,
  'device.write',
  'device.revoke',
  'device.import',
  'token.write',
  'enrollment.decide',
  'claim.write',
  'group.write',
  'dead_letter.read',
] as const satisfies readonly RoleAction[];

/** Decides what runs on devices, and on which of them. */
const RELEASE_MANAGER_ACTIONS = [
  ...MEMBER_ACTIONS,
  'group.write',
  'dead_letter.read',
] as const satisfies readonly RoleAction[];

/** Reads everything that a record is kept of, changes nothing. */
const AUDITOR_ACTIONS = [
  ...MEMBER_ACTIONS,
  'audit.read',
  'audit.export',
  'service_account.read',
  'security.read',
  'secret.read',
  'encryption.read',
  'authority.read',
  'dead_letter.read',
] as const satisfies readonly RoleAction[];

const ADMIN_ACTIONS = [
  ...new Set([...OPERATOR_ACTIONS, ...RELEASE_MANAGER_ACTIONS, ...AUDITOR_ACTIONS]),
  'organization.update',
  'organization.export',
  'member.write',
  'service_account.write',
  'security.write',
  'secret.write',
  'encryption.rotate',
  'authority.write',
  'device.delete',
  'integrator.write',
  'telemetry.write',
] as const satisfies readonly RoleAction[];

/** What each role may do: system admins everywhere, the others in the organisation of their membership. */
export const POLICY: Readonly<Record<PolicyRole, ReadonlySet<RoleAction>>> = {
  system_admin: new Set(ACTIONS.filter(isRoleAction)),
  org_admin: new Set(ADMIN_ACTIONS),
  operator: new Set(OPERATOR_ACTIONS),
  release_manager: new Set(RELEASE_MANAGER_ACTIONS),
  auditor: new Set(AUDITOR_ACTIONS),
  org_member: new Set(MEMBER_ACTIONS),
};

/**
 * What is left of a role that is limited to groups: what is about single devices, and what names none. All else, such as
 * tokens, imports and the audit log, is about devices of the whole organisation.
 */
const LIMITED_ACTIONS: ReadonlySet<RoleAction> = new Set<RoleAction>([
  'organization.list',
  'organization.read',
  'member.read',
  'group.read',
  'device.read',
  'device.write',
  'device.delete',
  'device.revoke',
  'refusal.read',
  'telemetry.read',
  'log.read',
  'dead_letter.read',
]);

/** Actions whose lists show devices, or what came of them: a limited person's hold those of the groups alone. */
const DEVICE_ACTIONS: ReadonlySet<Action> = new Set<Action>([
  'device.read',
  'device.write',
  'device.delete',
  'device.revoke',
  'refusal.read',
  'telemetry.read',
  'log.read',
  'dead_letter.read',
]);
export const namesDevices = (action: Action): boolean => DEVICE_ACTIONS.has(action);
/** Actions on single devices; `telemetry.read` also opens settings, which name none. */
export const isOnOneDevice = (action: Action): boolean => namesDevices(action) && action !== 'telemetry.read';

/**
 * `hide`: answer as if the object did not exist, so that nobody learns of foreign ids; `bar`: the person belongs there,
 * and `barred` says why nothing is open now.
 */
export type Verdict = 'allow' | 'forbid' | 'hide' | 'bar';

/** What decides; a caller that knows of no limits has none. */
export type Subject = Pick<Person, 'isSystemAdmin' | 'roles'> &
  Partial<Pick<Person, 'apiKey' | 'groups' | 'barred'>>;

/** Whether the person's role in the organisation holds for some groups of devices alone. */
export const isLimited = (person: Subject, orgId: string): boolean =>
  !person.isSystemAdmin && (person.groups?.has(orgId) ?? false);

/** What the role lets its holder do, within its groups where it is limited to some. */
export const roleActions = (role: Role, limited: boolean): RoleAction[] =>
  allowedActions(role).filter((action) => !limited || LIMITED_ACTIONS.has(action));

export const allowedActions = (role: PolicyRole): RoleAction[] => [...POLICY[role]];

/**
 * @param orgId the organisation of the object; null where there is none: a list over all of the caller's
 * organisations, or an action on the installation.
 */
export function decide(person: Subject, action: Action, orgId: string | null): Verdict {
  if (action === 'public' || action === 'self') return 'allow';
  if (!isRoleAction(action)) return 'forbid';
  // A key opens no more than its scopes, whoever holds it; what it may know of stays its holder's matter.
  const isInScope = person.apiKey?.scopes.has(action) ?? true;
  if (person.isSystemAdmin) return isInScope && POLICY.system_admin.has(action) ? 'allow' : 'forbid';
  if (orgId === null) return isInScope && isAllowedSomewhere(person, action) ? 'allow' : 'forbid';
  const role = person.roles.get(orgId);
  if (role === undefined) return 'hide';
  if (person.barred?.has(orgId)) return 'bar';
  return isInScope && isOfRole(person, role, action, orgId) ? 'allow' : 'forbid';
}

function isAllowedSomewhere(person: Subject, action: RoleAction): boolean {
  const open = [...person.roles].filter(([orgId]) => !person.barred?.has(orgId));
  // A person without any membership reads empty lists, as a member of nothing.
  if (open.length === 0) return POLICY.org_member.has(action);
  return open.some(([orgId, role]) => isOfRole(person, role, action, orgId));
}

const isOfRole = (person: Subject, role: Role, action: RoleAction, orgId: string): boolean =>
  POLICY[role].has(action) && (!isLimited(person, orgId) || LIMITED_ACTIONS.has(action));

function isRoleAction(action: Action): action is RoleAction {
  return action !== 'public' && action !== 'self' && action !== 'device.self';
}
