/** Signing in by an identity provider (OpenID Connect) over HTTP. */
import { type Static, Type } from 'typebox';
import { Nullable, Timestamp } from './page.ts';
import type { Route } from './route.ts';

/** Longest of what providers send; more is no answer of theirs. */
const Parameter = Type.Optional(Type.String({ maxLength: 4096 }));

export const ProviderView = Type.Object({
  configured: Type.Boolean(),
  issuer: Nullable(Type.String()),
  client_id: Nullable(Type.String()),
  callback_url: Nullable(Type.String({ description: 'To be allowed at the provider.' })),
  backchannel_logout_url: Nullable(Type.String()),
  reachable: Type.Boolean({ description: 'Whether the provider answered when it was asked last.' }),
  checked_at: Nullable(Timestamp()),
  last_error: Nullable(Type.String()),
  audience: Nullable(Type.String({ description: 'What access tokens for this API must name.' })),
  roles: Type.Array(Type.Object({ theirs: Type.String(), ours: Type.String() })),
  default_role: Nullable(Type.String()),
  system_admin_role: Nullable(Type.String()),
  organization_claim: Nullable(Type.String()),
  groups_claim: Nullable(Type.String()),
  creates_organizations: Type.Boolean(),
  links_by_email: Type.Boolean(),
});
export type ProviderView = Static<typeof ProviderView>;

export const LogoutTokenBody = Type.Object({
  logout_token: Type.String({ minLength: 1, maxLength: 16_384 }),
});

export const OIDC_ROUTES = {
  'oidc.login': {
    method: 'GET',
    path: '/api/v1/auth/oidc/login',
    auth: 'public',
    action: 'public',
    tag: 'access',
    summary: 'Sends the browser to the identity provider',
    query: Type.Object({
      return_to: Type.Optional(
        Type.String({ maxLength: 1000, description: 'Page of the console to show afterwards.' }),
      ),
      moved: Type.Optional(
        Type.Literal('1', { description: 'The browser came from another address of the console.' }),
      ),
    }),
    status: 303,
    produces: 'text/html',
  },
  'oidc.callback': {
    method: 'GET',
    path: '/api/v1/auth/oidc/callback',
    auth: 'public',
    action: 'public',
    tag: 'access',
    summary: 'Takes the identity provider’s answer; sets the session cookie',
    query: Type.Object({ code: Parameter, state: Parameter, iss: Parameter, error: Parameter }),
    status: 303,
    produces: 'text/html',
  },
  'oidc.backchannel_logout': {
    method: 'POST',
    path: '/api/v1/auth/oidc/backchannel-logout',
    auth: 'public',
    action: 'public',
    tag: 'access',
    summary: 'The identity provider ends a session (form with logout_token)',
    body: LogoutTokenBody,
    status: 204,
  },
  'oidc.logout': {
    method: 'POST',
    path: '/api/v1/auth/oidc/logout',
    auth: 'session',
    action: 'self',
    tag: 'access',
    summary: 'End this session; names the identity provider’s page for signing out there too',
    status: 200,
    response: Type.Object({
      logout_url: Nullable(
        Type.String({ description: 'Null where the session did not come from the provider.' }),
      ),
    }),
  },
  'oidc.provider': {
    method: 'GET',
    path: '/api/v1/admin/identity-provider',
    auth: 'session',
    action: 'user.read',
    tag: 'access',
    summary: 'The identity provider: whether it answers, and how its roles become ours',
    status: 200,
    response: ProviderView,
  },
} as const satisfies Record<string, Route>;
