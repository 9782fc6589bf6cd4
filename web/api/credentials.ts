/** What a person proves itself with, over HTTP: second factor, sessions, API keys; and service accounts with theirs. */
import { type Static, type TSchema, Type } from 'typebox';
import { ROLES } from './access.ts';
import { Nullable, PageOf, PageQuery, Timestamp, Uuid } from './page.ts';
import { ACTIONS, type Action, type Route } from './route.ts';

export const DEFAULT_API_KEY_DAYS = 90;
/** The longest that any installation allows. */
export const MAX_API_KEY_DAYS = 730;
/** What a key may be let do: actions of the policy table. */
export const KEY_SCOPES = ACTIONS.filter(
  (action): action is Exclude<Action, 'public' | 'self' | 'device.self'> =>
    action !== 'public' && action !== 'self' && action !== 'device.self',
);

const CurrentPassword = Type.String({ minLength: 1, maxLength: 200 });
const Code = Type.String({
  minLength: 6,
  maxLength: 30,
  description: 'Of the authenticator app, or a recovery code.',
});

export const SecondFactorView = Type.Object({
  enabled: Type.Boolean(),
  enabled_at: Nullable(Timestamp()),
  recovery_codes_left: Type.Integer({ minimum: 0 }),
});
export type SecondFactorView = Static<typeof SecondFactorView>;
export const BeginSecondFactorReply = Type.Object({
  secret: Type.String({ description: 'Base32, to be typed where no QR code can be read.' }),
  otpauth_uri: Type.String({ description: 'What the QR code says.' }),
});
export type BeginSecondFactorReply = Static<typeof BeginSecondFactorReply>;
export const RecoveryCodesReply = Type.Object({
  recovery_codes: Type.Array(Type.String(), {
    description: 'Each works once, instead of a code. Shown only now.',
  }),
});
export type RecoveryCodesReply = Static<typeof RecoveryCodesReply>;
const PasswordAndCode = Type.Object({ current_password: CurrentPassword, code: Code });

export const SessionView = Type.Object({
  id: Uuid(),
  is_current: Type.Boolean(),
  ip_address: Nullable(Type.String()),
  user_agent: Nullable(Type.String()),
  created_at: Timestamp(),
  last_used_at: Timestamp(),
  expires_at: Timestamp(),
});
export type SessionView = Static<typeof SessionView>;

export const API_KEY_STATES = ['live', 'expired', 'revoked'] as const;
export const ApiKeyView = Type.Object({
  id: Uuid(),
  name: Type.String(),
  prefix: Type.String({ description: 'How the key begins; the rest is never shown again.' }),
  scopes: Type.Array(Type.String()),
  state: Type.Enum([...API_KEY_STATES]),
  created_at: Timestamp(),
  created_by: Nullable(Type.String()),
  expires_at: Timestamp(),
  last_used_at: Nullable(Timestamp('To the minute.')),
  last_used_ip: Nullable(Type.String()),
});
export type ApiKeyView = Static<typeof ApiKeyView>;
export const CreateApiKeyBody = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100 }),
  scopes: Type.Array(Type.Enum([...KEY_SCOPES]), {
    minItems: 1,
    maxItems: KEY_SCOPES.length,
    uniqueItems: true,
    description: 'What the key may do: no more than its holder.',
  }),
  expires_in_days: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_API_KEY_DAYS, default: DEFAULT_API_KEY_DAYS }),
  ),
});
export const CreateApiKeyReply = Type.Object({
  ...ApiKeyView.properties,
  key: Type.String({ description: '`Authorization: Bearer …`. Shown only now.' }),
});
export type CreateApiKeyReply = Static<typeof CreateApiKeyReply>;

export const ServiceAccountView = Type.Object({
  id: Uuid(),
  organization_id: Uuid(),
  name: Type.String(),
  role: Type.Enum([...ROLES]),
  created_at: Timestamp(),
  created_by: Nullable(Type.String()),
  key_count: Type.Integer({ minimum: 0, description: 'Keys that work.' }),
  last_used_at: Nullable(Timestamp()),
});
export type ServiceAccountView = Static<typeof ServiceAccountView>;
const Role = Type.Enum([...ROLES]);
export const CreateServiceAccountBody = Type.Object({
  name: Type.String({
    pattern: '^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$',
    description: '1-40 of a-z, 0-9 and -.',
  }),
  role: Role,
});
export const UpdateServiceAccountBody = Type.Object({ role: Role });

const SERVICE_ACCOUNTS = '/api/v1/admin/organizations/:organization_id/service-accounts';
const OrgParams = Type.Object({ organization_id: Uuid() });
const AccountParams = Type.Object({ organization_id: Uuid(), account_id: Uuid() });
const AccountKeyParams = Type.Object({ organization_id: Uuid(), account_id: Uuid(), key_id: Uuid() });
const Paged = Type.Object({ ...PageQuery });

/** A row about the caller's own account. */
const own = <const R extends Pick<Route, 'method' | 'path' | 'summary' | 'status'> & Record<string, unknown>>(
  row: R,
) => ({ auth: 'session', action: 'self', tag: 'account', ...row }) as const;
const reads = <const R extends { path: string; summary: string; response: TSchema }>(row: R) =>
  ({
    method: 'GET',
    auth: 'session',
    action: 'service_account.read',
    tag: 'service accounts',
    query: Paged,
    status: 200,
    ...row,
  }) as const;
const writes = <
  const R extends Pick<Route, 'method' | 'path' | 'summary' | 'status'> & Record<string, unknown>,
>(
  row: R,
) => ({ auth: 'session', action: 'service_account.write', tag: 'service accounts', ...row }) as const;

export const CREDENTIAL_ROUTES = {
  'second_factor.get': own({
    method: 'GET',
    path: '/api/v1/auth/totp',
    summary: 'Whether the own account has a second factor',
    status: 200,
    response: SecondFactorView,
  }),
  'second_factor.begin': own({
    method: 'POST',
    path: '/api/v1/auth/totp',
    summary: 'Make a secret for an authenticator app; nothing changes before it is confirmed',
    body: Type.Object({ current_password: CurrentPassword }),
    status: 200,
    response: BeginSecondFactorReply,
  }),
  'second_factor.confirm': own({
    method: 'POST',
    path: '/api/v1/auth/totp/confirm',
    summary: 'Turn the second factor on with a first code; ends every other session',
    body: Type.Object({ code: Type.String({ pattern: '^[0-9]{6}$', examples: ['123456'] }) }),
    status: 200,
    response: RecoveryCodesReply,
  }),
  'second_factor.recovery_codes': own({
    method: 'POST',
    path: '/api/v1/auth/totp/recovery-codes',
    summary: 'New recovery codes; the old ones stop working',
    body: PasswordAndCode,
    status: 200,
    response: RecoveryCodesReply,
  }),
  'second_factor.disable': own({
    method: 'POST',
    path: '/api/v1/auth/totp/disable',
    summary: 'Turn the second factor off',
    body: PasswordAndCode,
    status: 204,
  }),
  'sessions.list': own({
    method: 'GET',
    path: '/api/v1/auth/sessions',
    summary: 'The own sessions, last used first',
    query: Paged,
    status: 200,
    response: PageOf(SessionView),
  }),
  'sessions.end': own({
    method: 'DELETE',
    path: '/api/v1/auth/sessions/:session_id',
    summary: 'End one of the own sessions',
    params: Type.Object({ session_id: Uuid() }),
    status: 204,
  }),
  'sessions.end_others': own({
    method: 'POST',
    path: '/api/v1/auth/sessions/end-others',
    summary: 'End all own sessions but this one',
    status: 200,
    response: Type.Object({ ended: Type.Integer({ minimum: 0 }) }),
  }),
  'api_keys.list': own({
    method: 'GET',
    path: '/api/v1/auth/keys',
    summary: 'The own API keys, newest first',
    query: Paged,
    status: 200,
    response: PageOf(ApiKeyView),
  }),
  'api_keys.create': own({
    method: 'POST',
    path: '/api/v1/auth/keys',
    summary: 'Make an API key; no key can make another',
    body: CreateApiKeyBody,
    status: 201,
    response: CreateApiKeyReply,
  }),
  'api_keys.revoke': own({
    method: 'DELETE',
    path: '/api/v1/auth/keys/:key_id',
    summary: 'Revoke an own API key; it is refused at once',
    params: Type.Object({ key_id: Uuid() }),
    status: 204,
  }),
  'service_accounts.list': reads({
    path: SERVICE_ACCOUNTS,
    summary: 'Service accounts of an organisation, by name',
    params: OrgParams,
    response: PageOf(ServiceAccountView),
  }),
  'service_accounts.create': writes({
    method: 'POST',
    path: SERVICE_ACCOUNTS,
    summary: 'Make a service account: it has keys and cannot sign in',
    params: OrgParams,
    body: CreateServiceAccountBody,
    status: 201,
    response: ServiceAccountView,
  }),
  'service_accounts.update': writes({
    method: 'PUT',
    path: `${SERVICE_ACCOUNTS}/:account_id`,
    summary: 'Change its role; its keys follow at once',
    params: AccountParams,
    body: UpdateServiceAccountBody,
    status: 200,
    response: ServiceAccountView,
  }),
  'service_accounts.delete': writes({
    method: 'DELETE',
    path: `${SERVICE_ACCOUNTS}/:account_id`,
    summary: 'Delete it with its keys',
    params: AccountParams,
    status: 204,
  }),
  'service_account_keys.list': reads({
    path: `${SERVICE_ACCOUNTS}/:account_id/keys`,
    summary: 'Keys of a service account, newest first',
    params: AccountParams,
    response: PageOf(ApiKeyView),
  }),
  'service_account_keys.create': writes({
    method: 'POST',
    path: `${SERVICE_ACCOUNTS}/:account_id/keys`,
    summary: 'Make a key for a service account',
    params: AccountParams,
    body: CreateApiKeyBody,
    status: 201,
    response: CreateApiKeyReply,
  }),
  'service_account_keys.revoke': writes({
    method: 'DELETE',
    path: `${SERVICE_ACCOUNTS}/:account_id/keys/:key_id`,
    summary: 'Revoke a key of a service account; it is refused at once',
    params: AccountKeyParams,
    status: 204,
  }),
} as const satisfies Record<string, Route>;
