/** What the policy says that a probe is to be answered. Pure. */
import { ACTIONS, type Action } from '#web-api';
import { decide } from '../../../control-plane/access/policy.ts';
import type { Objects } from './policy-objects.ts';
import { addressed, aimOf, isOfInstallation, type Operation } from './policy-operations.ts';
import type { Principal } from './policy-world.ts';

/** `outside`: of the own organisation, and of no group that the role is limited to. */
export const TARGETS = ['none', 'own', 'foreign', 'random', 'outside'] as const;
export type Target = (typeof TARGETS)[number];

export const isAction = (word: string | undefined): word is Action =>
  ACTIONS.some((action) => action === word);

const isGroupLimited = ({ person }: Principal): boolean => (person?.groups?.size ?? 0) > 0;

export function targetsOf(operation: Operation, principal: Principal): readonly Target[] {
  switch (aimOf(operation)) {
    case 'none':
      return ['none'];
    case 'filter':
      return ['none', 'own', 'foreign', 'random'];
    default:
      return isGroupLimited(principal) && namesDevice(operation)
        ? ['own', 'foreign', 'random', 'outside']
        : ['own', 'foreign', 'random'];
  }
}

const namesDevice = (operation: Operation): boolean =>
  addressed(operation).some((name) => name === 'device_id' || name === 'serial');

/** `200`, `403 auth.forbidden`, or `404`: the code of what is hidden depends on its kind, and is compared apart. */
export function expectedOf(
  operation: Operation,
  principal: Principal,
  target: Target,
  objects: Objects | null,
): string {
  const { action, auth, success } = operation;
  if (auth === 'public') return publicAnswer(operation, principal);
  if (auth === 'device' || auth === 'certificate') {
    if (principal.device === null) return '401 auth.required';
    return target === 'own' ? String(success) : '404';
  }
  const { person } = principal;
  if (person === null || !isAction(action)) return '401 auth.required';
  if (action === 'self') return selfAnswer(operation, principal, target);
  const isHidden = target === 'random' || target === 'outside' || isOtherGroup(operation, principal, objects);
  if (isOfInstallation(operation)) {
    if (decide(person, action, null) !== 'allow') return '403 auth.forbidden';
    return isHidden ? '404' : String(success);
  }
  // A random id belongs to no organisation, whoever asks; a device outside of the groups is as unknown.
  const verdict = isHidden ? 'hide' : decide(person, action, objects?.organization_id ?? null);
  return {
    allow: String(success),
    forbid: '403 auth.forbidden',
    hide: '404',
    bar: '403 organization.suspended',
  }[verdict];
}

/** The world has no identity provider: a browser is sent back to the console's own page, a provider is refused. */
function publicAnswer({ id, success }: Operation, { home }: Principal): string {
  if (id === 'oidc.backchannel_logout') return '404 auth.oidc_off';
  if (id === 'device.register' && home === 'suspended') return '403 organization.suspended';
  return String(success);
}

/** Ending a session that a key does not have harms nobody. */
const HARMLESS: readonly string[] = ['auth.logout', 'oidc.logout'];

/** Everybody who is somebody, about oneself alone; a key reads, but makes and ends no proof of its holder. */
function selfAnswer({ id, method, success }: Operation, { key }: Principal, target: Target): string {
  if (key !== undefined && method !== 'GET' && !HARMLESS.includes(id)) return '403 auth.session_required';
  return target === 'foreign' || target === 'random' ? '404' : String(success);
}

/** A group that a limited role does not name. */
function isOtherGroup(operation: Operation, { person }: Principal, objects: Objects | null): boolean {
  if (objects === null || !addressed(operation).includes('group_id')) return false;
  const groups = person?.groups?.get(objects.organization_id);
  return groups !== undefined && !groups.includes(objects.group_id);
}
