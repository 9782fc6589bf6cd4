/** Signing in and out over HTTP: password, second factor, and the sessions that come of it. */
import { type Static, Type } from 'typebox';
import { ROLES } from './access.ts';
import { Nullable, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';

const Password = Type.String({ minLength: 12, maxLength: 200, description: 'At least 12 characters.' });
const GivenPassword = Type.String({ minLength: 1, maxLength: 200 });

export const MembershipView = Type.Object({
  organization_id: Uuid(),
  organization_slug: Type.String(),
  organization_name: Type.String(),
  role: Type.Enum([...ROLES]),
  group_ids: Nullable(
    Type.Array(Uuid(), { description: 'Device groups that the role is limited to; null: all devices.' }),
  ),
  barred_by: Nullable(
    Type.String({ description: 'Code of what shuts the door now, such as organization.suspended.' }),
  ),
  actions: Type.Array(Type.String(), { description: 'What the policy lets this person do there now.' }),
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
  session_expires_at: Nullable(Timestamp('Null for a caller without a session.')),
  has_password: Type.Boolean({
    description: 'False for accounts of the identity provider and service accounts.',
  }),
  has_second_factor: Type.Boolean(),
  must_enroll_second_factor: Type.Boolean({
    description: 'An organisation of theirs, or the installation, is closed to them until they have one.',
  }),
  actions: Type.Array(Type.String(), { description: 'Allowed in every organisation (system admins).' }),
  memberships: Type.Array(MembershipView),
});
export type Me = Static<typeof Me>;

export const AuthMethods = Type.Object({
  password: Type.Boolean(),
  oidc: Nullable(Type.Object({ label: Type.String({ description: 'Name of the identity provider.' }) })),
});
export type AuthMethods = Static<typeof AuthMethods>;

export const LoginBody = Type.Object({
  email: Type.String({ minLength: 1, maxLength: 254 }),
  password: GivenPassword,
  code: Type.Optional(
    Type.String({
      minLength: 6,
      maxLength: 30,
      description:
        'Of the authenticator app, or a recovery code; needed where auth.totp_required was answered.',
    }),
  ),
});
export const ChangePasswordBody = Type.Object({
  current_password: GivenPassword,
  new_password: Password,
});

export const SIGN_IN_ROUTES = {
  'auth.methods': {
    method: 'GET',
    path: '/api/v1/auth/methods',
    auth: 'public',
    action: 'public',
    tag: 'access',
    summary: 'How one can sign in here',
    status: 200,
    response: AuthMethods,
  },
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
} as const satisfies Record<string, Route>;
