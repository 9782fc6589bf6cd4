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
  'device.read',
  'token.read',
  'integrator.read',
  'refusal.read',
  'telemetry.read',
  'log.read',
] as const satisfies readonly RoleAction[];

const ADMIN_ACTIONS = [
  ...MEMBER_ACTIONS,
  'organization.update',
  'member.write',
  'device.write',
  'device.delete',
  'device.revoke',
  'device.import',
  'token.write',
  'integrator.write',
  'audit.read',
  'telemetry.write',
  'dead_letter.read',
] as const satisfies readonly RoleAction[];

/** What each role may do: system admins everywhere, the other two in the organisation of their membership. */
export const POLICY: Readonly<Record<PolicyRole, ReadonlySet<RoleAction>>> = {
  system_admin: new Set(ACTIONS.filter(isRoleAction)),
  org_admin: new Set(ADMIN_ACTIONS),
  org_member: new Set(MEMBER_ACTIONS),
};

/** `hide`: answer as if the object did not exist, so that nobody learns of foreign ids. */
export type Verdict = 'allow' | 'forbid' | 'hide';

export const allowedActions = (role: PolicyRole): RoleAction[] => [...POLICY[role]];

/**
 * @param orgId the organisation of the object; null where there is none: a list over all of the caller's
 * organisations, or an action on the installation.
 */
export function decide(
  person: Pick<Person, 'isSystemAdmin' | 'roles'>,
  action: Action,
  orgId: string | null,
): Verdict {
  if (action === 'public' || action === 'self') return 'allow';
  if (!isRoleAction(action)) return 'forbid';
  if (person.isSystemAdmin) return POLICY.system_admin.has(action) ? 'allow' : 'forbid';
  if (orgId === null) {
    // A person without any membership reads empty lists, as a member of nothing.
    const roles = person.roles.size === 0 ? (['org_member'] as const) : [...person.roles.values()];
    return roles.some((role) => POLICY[role].has(action)) ? 'allow' : 'forbid';
  }
  const role = person.roles.get(orgId);
  if (role === undefined) return 'hide';
  return POLICY[role].has(action) ? 'allow' : 'forbid';
}

function isRoleAction(action: Action): action is RoleAction {
  return action !== 'public' && action !== 'self' && action !== 'device.self';
}
