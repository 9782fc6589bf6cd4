/** Sign-in, organisations, members and the audit log over HTTP. */
import { type Static, Type } from 'typebox';
import { Nullable, PageOf, PageQuery, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';

/** In one organisation. The source document's two, and between them: who runs devices, who releases, who only looks into the record. */
export const ROLES = ['org_admin', 'operator', 'release_manager', 'auditor', 'org_member'] as const;
export type Role = (typeof ROLES)[number];

const Password = Type.String({ minLength: 12, maxLength: 200, description: 'At least 12 characters.' });
const Email = Type.String({ pattern: '^[^@\\s]{1,64}@[^@\\s]{1,190}$', maxLength: 254 });
const OrgId = Type.Object({ organization_id: Uuid() });

export const OrganizationView = Type.Object({
  id: Uuid(),
  slug: Type.String(),
  name: Type.String(),
  created_at: Timestamp(),
  device_count: Type.Integer({ minimum: 0 }),
});
export type OrganizationView = Static<typeof OrganizationView>;

export const MembershipView = Type.Object({
  organization_id: Uuid(),
  organization_slug: Type.String(),
  organization_name: Type.String(),
  role: Type.Enum([...ROLES]),
  actions: Type.Array(Type.String(), { description: 'What the policy lets this person do there.' }),
});
export type MembershipView = Static<typeof MembershipView>;

/** Who is signed in; the console hides what `actions` does not list. */
export const Me = Type.Object({
  user_id: Uuid(),
  email: Type.String(),
  name: Type.String(),
  is_system_admin: Type.Boolean(),
  must_change_password: Type.Boolean(),
  csrf_token: Type.String({ description: 'Goes into the header x-csrf-token of every write.' }),
  session_expires_at: Timestamp(),
  actions: Type.Array(Type.String(), { description: 'Allowed in every organisation (system admins).' }),
  memberships: Type.Array(MembershipView),
});
export type Me = Static<typeof Me>;

export const LoginBody = Type.Object({
  email: Type.String({ minLength: 1, maxLength: 254 }),
  password: Type.String({ minLength: 1, maxLength: 200 }),
});
export const ChangePasswordBody = Type.Object({
  current_password: Type.String({ minLength: 1, maxLength: 200 }),
  new_password: Password,
});
export const CreateOrganizationBody = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 200 }),
  slug: Type.String({
    pattern: '^[a-z0-9](?:[a-z0-9-]{0,25}[a-z0-9])?$',
    description: 'Part of every topic; can never change. 1-27 of a-z, 0-9 and -.',
  }),
});
export const UpdateOrganizationBody = Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) });

export const MemberView = Type.Object({
  user_id: Uuid(),
  email: Type.String(),
  name: Type.String(),
  role: Type.Enum([...ROLES]),
  created_at: Timestamp(),
  last_login_at: Nullable(Timestamp()),
});
export type MemberView = Static<typeof MemberView>;

export const AddMemberBody = Type.Object({
  email: Email,
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  role: Type.Enum([...ROLES]),
  password: Type.Optional(
    Type.String({
      minLength: 12,
      maxLength: 200,
      description: 'First password of a new person; needed only where the e-mail is unknown.',
    }),
  ),
});
export const UpdateMemberBody = Type.Object({ role: Type.Enum([...ROLES]) });

export const AuditView = Type.Object({
  id: Type.String(),
  at: Timestamp(),
  organization_id: Nullable(Uuid()),
  actor: Type.String({ description: 'person:…, device:…, token:… or system' }),
  ip_address: Nullable(Type.String()),
  action: Type.String(),
  object: Type.String(),
  outcome: Type.Enum(['success', 'refused', 'failed']),
  detail: Type.Unknown(),
});
export type AuditView = Static<typeof AuditView>;

const MemberParams = Type.Object({ organization_id: Uuid(), user_id: Uuid() });

export const ACCESS_ROUTES = {
  'auth.login': {
    method: 'POST',
    path: '/api/v1/auth/login',
    auth: 'public',
    action: 'public',
    tag: 'access',
    summary: 'Sign in; sets the session cookie',
    body: LoginBody,
    status: 200,
    response: Me,
  },
  'auth.logout': {
    method: 'POST',
    path: '/api/v1/auth/logout',
    auth: 'session',
    action: 'self',
    tag: 'access',
    summary: 'End this session',
    status: 204,
  },
  'auth.me': {
    method: 'GET',
    path: '/api/v1/auth/me',
    auth: 'session',
    action: 'self',
    tag: 'access',
    summary: 'Who is signed in, and what they may do',
    status: 200,
    response: Me,
  },
  'auth.password': {
    method: 'POST',
    path: '/api/v1/auth/password',
    auth: 'session',
    action: 'self',
    tag: 'access',
    summary: 'Change the own password; ends every other session',
    body: ChangePasswordBody,
    status: 204,
  },
  'organizations.list': {
    method: 'GET',
    path: '/api/v1/admin/organizations',
    auth: 'session',
    action: 'organization.list',
    tag: 'access',
    summary: 'Organisations that the caller belongs to; all of them for a system admin',
    query: Type.Object({ ...PageQuery }),
    status: 200,
    response: PageOf(OrganizationView),
  },
  'organizations.create': {
    method: 'POST',
    path: '/api/v1/admin/organizations',
    auth: 'session',
    action: 'organization.create',
    tag: 'access',
    summary: 'Create an organisation',
    body: CreateOrganizationBody,
    status: 201,
    response: OrganizationView,
  },
  'organizations.get': {
    method: 'GET',
    path: '/api/v1/admin/organizations/:organization_id',
    auth: 'session',
    action: 'organization.read',
    tag: 'access',
    summary: 'One organisation',
    params: OrgId,
    status: 200,
    response: OrganizationView,
  },
  'organizations.update': {
    method: 'PUT',
    path: '/api/v1/admin/organizations/:organization_id',
    auth: 'session',
    action: 'organization.update',
    tag: 'access',
    summary: 'Rename an organisation',
    params: OrgId,
    body: UpdateOrganizationBody,
    status: 200,
    response: OrganizationView,
  },
  'members.list': {
    method: 'GET',
    path: '/api/v1/admin/organizations/:organization_id/members',
    auth: 'session',
    action: 'member.read',
    tag: 'access',
    summary: 'People of an organisation',
    params: OrgId,
    query: Type.Object({ ...PageQuery }),
    status: 200,
    response: PageOf(MemberView),
  },
  'members.add': {
    method: 'POST',
    path: '/api/v1/admin/organizations/:organization_id/members',
    auth: 'session',
    action: 'member.write',
    tag: 'access',
    summary: 'Add a person, who is created where the e-mail is unknown',
    params: OrgId,
    body: AddMemberBody,
    status: 201,
    response: MemberView,
  },
  'members.update': {
    method: 'PUT',
    path: '/api/v1/admin/organizations/:organization_id/members/:user_id',
    auth: 'session',
    action: 'member.write',
    tag: 'access',
    summary: 'Change a role; nobody can change their own',
    params: MemberParams,
    body: UpdateMemberBody,
    status: 200,
    response: MemberView,
  },
  'members.remove': {
    method: 'DELETE',
    path: '/api/v1/admin/organizations/:organization_id/members/:user_id',
    auth: 'session',
    action: 'member.write',
    tag: 'access',
    summary: 'Take a person out of an organisation',
    params: MemberParams,
    status: 204,
  },
  'audit.list': {
    method: 'GET',
    path: '/api/v1/admin/audit',
    auth: 'session',
    action: 'audit.read',
    tag: 'access',
    summary: 'What was done, newest first',
    query: Type.Object({
      org_id: Type.Optional(Uuid()),
      object: Type.Optional(Type.String({ maxLength: 200 })),
      ...PageQuery,
    }),
    status: 200,
    response: PageOf(AuditView),
  },
} as const satisfies Record<string, Route>;
