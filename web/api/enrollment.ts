/** Registration tokens and integrators' certificates over HTTP (SD-E23). */
import { type Static, Type } from 'typebox';
import { REFUSAL_REASONS } from '#contract';
import { CertificateView, DEVICE_TYPES, Tags } from './devices.ts';
import { Nullable, PageOf, PageQuery, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';

export const TOKEN_STATES = ['live', 'used_up', 'expired', 'revoked'] as const;

export const TokenView = Type.Object({
  id: Uuid(),
  organization_id: Uuid(),
  prefix: Type.String({ description: 'First characters, to tell tokens apart; the rest is not kept.' }),
  name: Type.String(),
  device_type: Nullable(Type.Enum([...DEVICE_TYPES])),
  tags: Tags,
  max_uses: Type.Integer(),
  uses: Type.Integer(),
  state: Type.Enum([...TOKEN_STATES]),
  expires_at: Timestamp(),
  created_at: Timestamp(),
  created_by: Nullable(Type.String()),
  replaces_device_id: Nullable(Uuid()),
  requires_approval: Type.Boolean(),
  allowed_networks: Type.Array(Type.String({ description: 'CIDR.' })),
  hardware_id: Nullable(Type.String({ description: 'The only hardware that it is good for.' })),
  group_ids: Type.Array(Uuid()),
  last_device: Nullable(Type.Object({ id: Uuid(), device_name: Type.String(), status: Type.String() })),
});
export type TokenView = Static<typeof TokenView>;

export const CreateTokenBody = Type.Object({
  organization_id: Uuid(),
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  device_type: Type.Optional(
    Nullable(Type.Enum([...DEVICE_TYPES], { description: 'Null lets the device say its type.' })),
  ),
  tags: Type.Optional(Tags),
  max_uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 1 })),
  expires_in_seconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 31_536_000, default: 3600 })),
  replaces_device_id: Type.Optional(
    Uuid('New hardware takes over this device and its history; one use only.'),
  ),
  requires_approval: Type.Optional(
    Type.Boolean({ description: 'People decide on each registration, whatever the organisation asks.' }),
  ),
  allowed_networks: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 50 }), {
      maxItems: 20,
      description: 'CIDR, e.g. 192.0.2.0/24; empty = from everywhere.',
    }),
  ),
  group_ids: Type.Optional(
    Type.Array(Uuid(), { maxItems: 20, uniqueItems: true, description: 'Device groups to join.' }),
  ),
});

/** The secret is in this reply and nowhere else. */
export const CreateTokenReply = Type.Object({
  ...TokenView.properties,
  token: Type.String(),
  install_command: Type.String({ description: 'One line for a Linux shell.' }),
});
export type CreateTokenReply = Static<typeof CreateTokenReply>;

export const IntegratorView = Type.Object({
  id: Uuid(),
  organization_id: Uuid(),
  name: Type.String(),
  client_id: Type.String(),
  created_at: Timestamp(),
  certificates: Type.Array(CertificateView),
});
export type IntegratorView = Static<typeof IntegratorView>;

export const CreateIntegratorBody = Type.Object({
  organization_id: Uuid(),
  name: Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,18}[a-z0-9])?$' }),
  csr: Type.Optional(Type.String({ maxLength: 8192 })),
  valid_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 825, default: 365 })),
});
export const CreateIntegratorReply = Type.Object({
  ...IntegratorView.properties,
  certificate_chain: Type.String(),
  ca_certificate: Type.String(),
  mqtt_url: Type.String(),
  topic_filter: Type.String(),
  private_key: Type.Optional(Type.String({ description: 'PEM; only where no CSR was sent.' })),
  pkcs12_base64: Type.Optional(
    Type.String({ description: 'Key and chain in one file; only where no CSR was sent.' }),
  ),
  pkcs12_password: Type.Optional(Type.String()),
});
export type CreateIntegratorReply = Static<typeof CreateIntegratorReply>;

export const RefusalView = Type.Object({
  at: Timestamp(),
  device_id: Nullable(Type.String()),
  reason: Type.Enum([...REFUSAL_REASONS]),
  detail: Type.String(),
  count: Type.Integer(),
});
export type RefusalView = Static<typeof RefusalView>;

const admin = { auth: 'session', tag: 'enrolment' } as const;
const TokenParams = Type.Object({ token_id: Uuid() });
const IntegratorParams = Type.Object({ integrator_id: Uuid() });
const OrgQuery = Type.Object({ org_id: Type.Optional(Uuid()), ...PageQuery });

export const ENROLLMENT_ROUTES = {
  'tokens.list': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/registration-tokens',
    action: 'token.read',
    summary: 'Registration tokens, newest first',
    query: OrgQuery,
    status: 200,
    response: PageOf(TokenView),
  },
  'tokens.create': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/edge/registration-tokens',
    action: 'token.write',
    summary: 'Create a registration token, shown once',
    body: CreateTokenBody,
    status: 201,
    response: CreateTokenReply,
  },
  'tokens.get': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/registration-tokens/:token_id',
    action: 'token.read',
    summary: 'One token and the device that used it last',
    params: TokenParams,
    status: 200,
    response: TokenView,
  },
  'tokens.revoke': {
    ...admin,
    method: 'DELETE',
    path: '/api/v1/admin/edge/registration-tokens/:token_id',
    action: 'token.write',
    summary: 'Revoke a token',
    params: TokenParams,
    status: 204,
  },
  'integrators.list': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/integrators',
    action: 'integrator.read',
    summary: 'MQTT clients of an organisation that are no devices',
    query: OrgQuery,
    status: 200,
    response: PageOf(IntegratorView),
  },
  'integrators.create': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/edge/integrators',
    action: 'integrator.write',
    summary: 'Issue a certificate that reads the organisation’s topics',
    body: CreateIntegratorBody,
    status: 201,
    response: CreateIntegratorReply,
  },
  'integrators.delete': {
    ...admin,
    method: 'DELETE',
    path: '/api/v1/admin/edge/integrators/:integrator_id',
    action: 'integrator.write',
    summary: 'Revoke an integrator',
    params: IntegratorParams,
    status: 204,
  },
  'refusals.list': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/refusals',
    action: 'refusal.read',
    summary: 'What the broker refused, newest first',
    query: Type.Object({ org_id: Type.Optional(Uuid()), device_id: Type.Optional(Uuid()), ...PageQuery }),
    status: 200,
    response: PageOf(RefusalView),
  },
} as const satisfies Record<string, Route>;
