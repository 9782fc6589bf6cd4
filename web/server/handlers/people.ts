/** Organisations, their people, groups and security settings. */
import type { AccessUseCases, PeopleUseCases } from '#control-plane';
import type { GROUP_ROUTES, ORGANIZATION_ROUTES, PEOPLE_ROUTES, SECURITY_ROUTES } from '#web-api';
import type { Handlers, JsonRouteName } from '../call.ts';

type Routes = typeof ORGANIZATION_ROUTES &
  typeof PEOPLE_ROUTES &
  typeof GROUP_ROUTES &
  typeof SECURITY_ROUTES;

export const peopleHandlers = (
  access: AccessUseCases,
  people: PeopleUseCases,
): Pick<Handlers, keyof Routes & JsonRouteName> => ({
  'organizations.list': ({ caller, query }) => access.listOrganizations(caller, query),
  'organizations.create': ({ caller, body }) => access.createOrganization(caller, body),
  'organizations.get': ({ caller, params }) => access.getOrganization(caller, params.organization_id),
  'organizations.update': ({ caller, params, body }) =>
    access.updateOrganization(caller, params.organization_id, body),
  'organizations.suspend': ({ caller, params, body }) =>
    people.suspendOrganization(caller, params.organization_id, body),
  'organizations.resume': ({ caller, params }) => people.resumeOrganization(caller, params.organization_id),
  'organizations.delete': ({ caller, params, query }) =>
    people.deleteOrganization(caller, params.organization_id, query),
  'security.get': ({ caller, params }) => people.security(caller, params.organization_id),
  'security.update': ({ caller, params, body }) =>
    people.updateSecurity(caller, params.organization_id, body),
  'members.list': ({ caller, params, query }) => access.listMembers(caller, params.organization_id, query),
  'members.add': ({ caller, params, body }) => access.addMember(caller, params.organization_id, body),
  'members.update': ({ caller, params, body }) =>
    access.updateMember(caller, params.organization_id, params.user_id, body),
  'members.remove': ({ caller, params }) =>
    access.removeMember(caller, params.organization_id, params.user_id),
  'users.list': ({ caller, query }) => people.listUsers(caller, query),
  'users.update': ({ caller, params, body }) => people.updateUser(caller, params.user_id, body),
  'groups.list': ({ caller, query }) => people.listGroups(caller, query),
  'groups.create': ({ caller, body }) => people.createGroup(caller, body),
  'groups.get': ({ caller, params }) => people.getGroup(caller, params.group_id),
  'groups.update': ({ caller, params, body }) => people.updateGroup(caller, params.group_id, body),
  'groups.delete': ({ caller, params }) => people.deleteGroup(caller, params.group_id),
  'groups.devices': ({ caller, params, body }) => people.changeGroupDevices(caller, params.group_id, body),
});
