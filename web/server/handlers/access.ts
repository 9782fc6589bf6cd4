/** Sign-in, organisations, members, audit. */
import type { AccessUseCases } from '#control-plane';
import type { ACCESS_ROUTES } from '#web-api';
import type { Handlers } from '../call.ts';

export const accessHandlers = (access: AccessUseCases): Pick<Handlers, keyof typeof ACCESS_ROUTES> => ({
  'auth.login': async ({ body, origin, session }) => {
    const { sessionToken, expiresAt, me } = await access.login(body, origin);
    session.set(sessionToken, expiresAt);
    return me;
  },
  'auth.logout': async ({ caller, session }) => {
    await access.logout(caller);
    session.clear();
  },
  'auth.me': ({ caller }) => access.me(caller),
  'auth.password': ({ caller, body }) => access.changePassword(caller, body),
  'organizations.list': ({ caller, query }) => access.listOrganizations(caller, query),
  'organizations.create': ({ caller, body }) => access.createOrganization(caller, body),
  'organizations.get': ({ caller, params }) => access.getOrganization(caller, params.organization_id),
  'organizations.update': ({ caller, params, body }) =>
    access.updateOrganization(caller, params.organization_id, body),
  'members.list': ({ caller, params, query }) => access.listMembers(caller, params.organization_id, query),
  'members.add': ({ caller, params, body }) => access.addMember(caller, params.organization_id, body),
  'members.update': ({ caller, params, body }) =>
    access.updateMember(caller, params.organization_id, params.user_id, body),
  'members.remove': ({ caller, params }) =>
    access.removeMember(caller, params.organization_id, params.user_id),
  'audit.list': ({ caller, query }) => access.listAudit(caller, query),
});
