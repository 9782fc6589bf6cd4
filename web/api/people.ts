/** People over HTTP: members of an organisation, and all people for the installation's admins. */
import { type Static, Type } from 'typebox';
import { ROLES } from './access.ts';
import { OrganizationParams } from './organizations.ts';
import { Nullable, PageOf, PageQuery, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';

const Name = Type.String({ minLength: 1, maxLength: 200 });
const Email = Type.String({ pattern: '^[^@\\s]{1,64}@[^@\\s]{1,190}$', maxLength: 254 });
/** A role for more groups than this is one for all devices. */
export const MAX_GROUPS_OF_MEMBER = 50;
const GroupIds = Nullable(
  Type.Array(Uuid(), {
    maxItems: MAX_GROUPS_OF_MEMBER,
    description: 'Device groups that the role is limited to; null: all devices.',
  }),
);

export const MemberView = Type.Object({
  user_id: Uuid(),
  email: Type.String(),
  name: Type.String(),
  role: Type.Enum([...ROLES]),
  group_ids: GroupIds,
  disabled: Type.Boolean(),
  created_at: Timestamp(),
  last_login_at: Nullable(Timestamp()),
});
export type MemberView = Static<typeof MemberView>;

export const AddMemberBody = Type.Object({
  email: Email,
  name: Type.Optional(Name),
  role: Type.Enum([...ROLES]),
  group_ids: Type.Optional(GroupIds),
  password: Type.Optional(
    Type.String({
      minLength: 12,
      maxLength: 200,
      description: 'First password of a new person; needed only where the e-mail is unknown.',
    }),
  ),
});
export const UpdateMemberBody = Type.Object({
  role: Type.Enum([...ROLES]),
  group_ids: Type.Optional(GroupIds),
});

export const UserView = Type.Object({
  id: Uuid(),
  email: Type.String(),
  name: Type.String(),
  is_system_admin: Type.Boolean(),
  disabled: Type.Boolean(),
  identity_provider: Nullable(Type.String({ description: 'Issuer of the identity; null: a local account.' })),
  created_at: Timestamp(),
  last_login_at: Nullable(Timestamp()),
  organizations: Type.Array(
    Type.Object({ organization_id: Uuid(), name: Type.String(), role: Type.Enum([...ROLES]) }),
  ),
});
export type UserView = Static<typeof UserView>;

export const UpdateUserBody = Type.Object({
  name: Type.Optional(Name),
  disabled: Type.Optional(Type.Boolean({ description: 'Ends every session at once.' })),
  is_system_admin: Type.Optional(Type.Boolean()),
});

const MemberParams = Type.Object({ organization_id: Uuid(), user_id: Uuid() });
const members = '/api/v1/admin/organizations/:organization_id/members';
const admin = { auth: 'session', tag: 'people' } as const;

export const PEOPLE_ROUTES = {
  'members.list': {
    ...admin,
    method: 'GET',
    path: members,
    action: 'member.read',
    summary: 'People of an organisation',
    params: OrganizationParams,
    query: Type.Object({ ...PageQuery }),
    status: 200,
    response: PageOf(MemberView),
  },
  'members.add': {
    ...admin,
    method: 'POST',
    path: members,
    action: 'member.write',
    summary: 'Add a person, who is created where the e-mail is unknown',
    params: OrganizationParams,
    body: AddMemberBody,
    status: 201,
    response: MemberView,
  },
  'members.update': {
    ...admin,
    method: 'PUT',
    path: `${members}/:user_id`,
    action: 'member.write',
    summary: 'Change a role and the groups that it is limited to; nobody can change their own',
    params: MemberParams,
    body: UpdateMemberBody,
    status: 200,
    response: MemberView,
  },
  'members.remove': {
    ...admin,
    method: 'DELETE',
    path: `${members}/:user_id`,
    action: 'member.write',
    summary: 'Take a person out of an organisation',
    params: MemberParams,
    status: 204,
  },
  'users.list': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/users',
    action: 'user.read',
    summary: 'Everybody who can sign in, in whatever organisation',
    query: Type.Object({
      search: Type.Optional(Type.String({ maxLength: 100, description: 'In e-mail or name, without case.' })),
      ...PageQuery,
    }),
    status: 200,
    response: PageOf(UserView),
  },
  'users.update': {
    ...admin,
    method: 'PUT',
    path: '/api/v1/admin/users/:user_id',
    action: 'user.write',
    summary:
      'Rename, disable or enable a person, make or unmake a system admin; nobody does that to themselves',
    params: Type.Object({ user_id: Uuid() }),
    body: UpdateUserBody,
    status: 200,
    response: UserView,
  },
} as const satisfies Record<string, Route>;
