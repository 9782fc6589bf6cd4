/** The policy table and the decision on it. */
import { describe, expect, it } from 'vitest';
import { ACTIONS, type Action } from '#web-api';
import { allowedActions, decide, POLICY } from '../../../../control-plane/access/policy.ts';

const OWN = 'org-own';
const OTHER = 'org-other';
const FOREIGN = 'org-foreign';

const systemAdmin = { isSystemAdmin: true, roles: new Map() };
const admin = { isSystemAdmin: false, roles: new Map([[OWN, 'org_admin' as const]]) };
const member = { isSystemAdmin: false, roles: new Map([[OWN, 'org_member' as const]]) };
const both = {
  isSystemAdmin: false,
  roles: new Map([
    [OWN, 'org_member' as const],
    [OTHER, 'org_admin' as const],
  ]),
};
const stranger = { isSystemAdmin: false, roles: new Map() };

const roleActions = ACTIONS.filter((action) => !['public', 'self', 'device.self'].includes(action));
const writes = roleActions.filter((action) => !/\.(read|list)$/.test(action));

describe('POLICY', () => {
  it('gives a system admin every action that needs a role', () => {
    expect(allowedActions('system_admin').toSorted()).toEqual(roleActions.toSorted());
  });

  it('gives a member nothing that changes anything, and no audit log', () => {
    expect(allowedActions('org_member').filter((action) => writes.includes(action))).toEqual([]);
    expect(POLICY.org_member.has('audit.read')).toBe(false);
  });

  it('gives an org admin all that a member may do', () => {
    expect(allowedActions('org_member').every((action) => POLICY.org_admin.has(action))).toBe(true);
  });

  it('lets only system admins create organisations', () => {
    expect(POLICY.org_admin.has('organization.create')).toBe(false);
  });
});

describe('decide', () => {
  it.each<[string, Parameters<typeof decide>[0], Action, string | null, ReturnType<typeof decide>]>([
    ['lets a system admin write anywhere', systemAdmin, 'device.delete', FOREIGN, 'allow'],
    ['lets a system admin create organisations', systemAdmin, 'organization.create', null, 'allow'],
    ['lets nobody but a device act as a device', systemAdmin, 'device.self', null, 'forbid'],
    ['lets an admin write in the own organisation', admin, 'device.delete', OWN, 'allow'],
    ['hides a foreign organisation from an admin', admin, 'device.read', FOREIGN, 'hide'],
    ['forbids an admin to create organisations', admin, 'organization.create', null, 'forbid'],
    ['lets a member read', member, 'device.read', OWN, 'allow'],
    ['forbids a member to write', member, 'device.write', OWN, 'forbid'],
    ['hides rather than forbids a foreign write', member, 'device.write', FOREIGN, 'hide'],
    ['forbids a member the audit log over all', member, 'audit.read', null, 'forbid'],
    ['does not carry a role into another organisation', both, 'device.write', OWN, 'forbid'],
    ['lets a list span what any role allows', both, 'audit.read', null, 'allow'],
    ['lets a person of no organisation read empty lists', stranger, 'device.read', null, 'allow'],
    ['forbids a person of no organisation the rest', stranger, 'audit.read', null, 'forbid'],
    ['hides every organisation from a person of none', stranger, 'organization.read', OWN, 'hide'],
    ['lets everybody use what needs no role', stranger, 'self', null, 'allow'],
  ])('%s', (_sentence, person, action, orgId, verdict) => {
    expect(decide(person, action, orgId)).toBe(verdict);
  });
});
