/** Devices over HTTP: the admins' side (SD-E2…E5) and what one device says (SD-E1, E6, E7, E11). */
import { type Static, Type } from 'typebox';
import { Heartbeat, HeartbeatMetrics, ServiceStatus } from '#contract';
import { GroupName } from './groups.ts';
import { Nullable, PageOf, PageQuery, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';

export const DEVICE_TYPES = ['uc1-pro', 'gateway', 'custom'] as const;
/** What the operator wants. */
export const INTENTS = ['active', 'maintenance', 'disabled'] as const;
/** What the control plane sees. */
export const OBSERVATIONS = ['never_seen', 'online', 'degraded', 'offline', 'error'] as const;
/** Derived from both: intent wins where it is not `active`. */
export const DEVICE_STATUSES = [
  'never_seen',
  'online',
  'degraded',
  'offline',
  'error',
  'maintenance',
  'disabled',
] as const;
export type DeviceType = (typeof DEVICE_TYPES)[number];
export type Intent = (typeof INTENTS)[number];
export type Observation = (typeof OBSERVATIONS)[number];
export type DeviceStatus = (typeof DEVICE_STATUSES)[number];

const DeviceName = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
  description: 'Unique within the organisation.',
});
const HardwareId = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^[\\x21-\\x7e]+$',
  description: 'Unique over the installation, e.g. the machine id.',
});
export const Tags = Type.Array(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_.:=-]{0,62}$' }), {
  maxItems: 50,
  uniqueItems: true,
});
export const DeviceParams = Type.Object({ device_id: Uuid() });

export const DeviceView = Type.Object({
  id: Uuid(),
  organization_id: Uuid(),
  organization_slug: Type.String(),
  device_name: Type.String(),
  device_type: Type.Enum([...DEVICE_TYPES]),
  hardware_id: Type.String(),
  status: Type.Enum([...DEVICE_STATUSES]),
  intent: Type.Enum([...INTENTS]),
  observation: Type.Enum([...OBSERVATIONS]),
  last_seen: Nullable(Timestamp('Receive time of the last heartbeat.')),
  firmware_version: Nullable(Type.String()),
  agent_version: Nullable(Type.String()),
  ip_address: Nullable(Type.String()),
  tags: Tags,
  created_at: Timestamp(),
  updated_at: Timestamp(),
});
export type DeviceView = Static<typeof DeviceView>;

export const CERTIFICATE_STATES = ['pending', 'active', 'superseded', 'revoked', 'expired'] as const;
export const CertificateView = Type.Object({
  serial: Type.String(),
  state: Type.Enum([...CERTIFICATE_STATES]),
  subject: Type.String(),
  fingerprint_sha256: Type.String(),
  not_before: Timestamp(),
  not_after: Timestamp(),
  created_at: Timestamp(),
  revoked_at: Nullable(Timestamp()),
  revocation_reason: Nullable(Type.String()),
});
export type CertificateView = Static<typeof CertificateView>;

/** SD-E3: info, current configuration, recent metrics, and what the overview shows beside them. */
export const DeviceDetail = Type.Object({
  ...DeviceView.properties,
  facts: Type.Record(Type.String(), Type.Unknown()),
  metadata: Type.Record(Type.String(), Type.Unknown()),
  uptime_seconds: Nullable(Type.Integer()),
  services: Type.Array(ServiceStatus),
  metrics: HeartbeatMetrics,
  session_epoch: Nullable(Type.Integer()),
  observation_since: Nullable(Timestamp()),
  last_goodbye_reason: Nullable(Type.String()),
  outbox: Nullable(Type.Object({ records: Type.Integer(), bytes: Type.Integer(), dropped: Type.Integer() })),
  clock_skew_ms: Nullable(Type.Integer({ description: 'Device clock minus ours at the last heartbeat.' })),
  current_config: Type.Object({
    config_version: Type.Integer(),
    config_data: Type.Unknown(),
    applied_at: Nullable(Timestamp()),
  }),
  recent_metrics: Type.Array(
    Type.Object({
      timestamp: Timestamp(),
      metric_type: Type.String(),
      value: Type.Record(Type.String(), Type.Unknown()),
    }),
  ),
  certificates: Type.Array(CertificateView),
  groups: Type.Array(GroupName, { description: 'Device groups that it is in.' }),
});
export type DeviceDetail = Static<typeof DeviceDetail>;

export const UpdateDeviceBody = Type.Object(
  {
    device_name: Type.Optional(DeviceName),
    status: Type.Optional(
      Type.Enum([...INTENTS, 'online'], {
        description: '`maintenance` and `disabled` set the intent; `active` and `online` clear it.',
      }),
    ),
    tags: Type.Optional(Tags),
    metadata: Type.Optional(
      Type.Record(Type.String({ maxLength: 100 }), Type.Unknown(), { maxProperties: 100 }),
    ),
  },
  { minProperties: 1 },
);

export const SORTS = [
  'device_name',
  '-device_name',
  'last_seen',
  '-last_seen',
  'status',
  '-status',
  'created_at',
  '-created_at',
] as const;
export const DeviceQuery = Type.Object({
  group_id: Type.Optional(Uuid('Devices in this group alone.')),
  org_id: Type.Optional(Uuid()),
  status: Type.Optional(Type.Enum([...DEVICE_STATUSES])),
  type: Type.Optional(Type.Enum([...DEVICE_TYPES])),
  search: Type.Optional(
    Type.String({ maxLength: 200, description: 'Part of name, hardware id, firmware or a tag.' }),
  ),
  sort: Type.Optional(Type.Enum([...SORTS])),
  ...PageQuery,
});

export const FleetSummary = Type.Object({
  total: Type.Integer(),
  by_status: Type.Record(Type.String(), Type.Integer()),
  by_type: Type.Record(Type.String(), Type.Integer()),
});
export type FleetSummary = Static<typeof FleetSummary>;

export const PresenceEventView = Type.Object({
  at: Timestamp(),
  from: Nullable(Type.Enum([...OBSERVATIONS])),
  to: Type.Enum([...OBSERVATIONS]),
  reason: Type.String({ description: 'hello, goodbye:…, last_will, heartbeat, silence, revoked …' }),
  session_epoch: Nullable(Type.Integer()),
});
export type PresenceEventView = Static<typeof PresenceEventView>;

/** One row of a bulk pre-registration. */
export const ImportRow = Type.Object({
  device_name: DeviceName,
  device_type: Type.Enum([...DEVICE_TYPES]),
  hardware_id: HardwareId,
  tags: Type.Optional(Tags),
  groups: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
      maxItems: 20,
      uniqueItems: true,
      description: 'Names of device groups to join.',
    }),
  ),
  metadata: Type.Optional(
    Type.Record(Type.String({ maxLength: 100 }), Type.Unknown(), { maxProperties: 100 }),
  ),
});
export type ImportRow = Static<typeof ImportRow>;
export const IMPORT_ISSUES = ['none', 'tokens', 'claim_codes'] as const;
export const IMPORT_OUTCOMES = ['created', 'unchanged', 'failed'] as const;
export const ImportBody = Type.Object({
  organization_id: Uuid(),
  dry_run: Type.Optional(Type.Boolean({ description: 'Says what would become of each row, keeps nothing.' })),
  issue: Type.Optional(
    Type.Enum([...IMPORT_ISSUES], {
      description: 'What each new row gets, shown once: a token for that hardware alone, or a claim code.',
    }),
  ),
  issue_expires_in_seconds: Type.Optional(
    Type.Integer({ minimum: 60, maximum: 31_536_000, default: 2_592_000 }),
  ),
  devices: Type.Array(Type.Unknown(), {
    minItems: 1,
    maxItems: 5000,
    description: 'Rows of ImportRow; a bad row fails alone.',
  }),
});
export type ImportBody = Static<typeof ImportBody>;
export const ImportResult = Type.Object({
  created: Type.Integer({ description: 'Of a dry run: what would be.' }),
  unchanged: Type.Integer({ description: 'Rows that are there already, as they are.' }),
  failed: Type.Integer(),
  rows: Type.Array(
    Type.Object({
      row: Type.Integer(),
      ok: Type.Boolean(),
      outcome: Type.Enum([...IMPORT_OUTCOMES]),
      device_id: Nullable(Uuid()),
      error: Nullable(Type.String()),
      detail: Nullable(Type.String()),
      token: Nullable(Type.String({ description: 'Kept nowhere else.' })),
      claim_code: Nullable(Type.String({ description: 'Kept nowhere else.' })),
    }),
  ),
});
export type ImportResult = Static<typeof ImportResult>;

export const RevokeBody = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 200 }) });

/** SD-E1. Without `csr` the platform makes the key, for clients that follow the source document to the letter. */
export const RegisterBody = Type.Object({
  device_name: DeviceName,
  device_type: Type.Enum([...DEVICE_TYPES]),
  hardware_id: HardwareId,
  firmware_version: Type.String({ minLength: 1, maxLength: 50 }),
  registration_token: Type.String({ minLength: 1, maxLength: 200 }),
  csr: Type.Optional(Type.String({ maxLength: 8192, description: 'PKCS#10, PEM. Its subject is ignored.' })),
});
export type RegisterBody = Static<typeof RegisterBody>;
export const RegisterReply = Type.Object({
  device_id: Uuid(),
  auth_token: Type.String(),
  auth_token_expires_at: Timestamp(),
  organization_id: Uuid(),
  organization_slug: Type.String(),
  certificate_chain: Type.String({ description: 'PEM, leaf first.' }),
  ca_certificate: Type.String({ description: 'PEM of the root to trust.' }),
  private_key: Type.Optional(Type.String({ description: 'PEM; only where no CSR was sent. Not kept here.' })),
  mqtt_url: Type.String(),
  client_id: Type.String({ description: 'The MQTT client id, equal to the certificate’s CN.' }),
  heartbeat_interval_seconds: Type.Integer(),
});
export type RegisterReply = Static<typeof RegisterReply>;

export const HeartbeatReply = Type.Object({
  ack: Type.Literal(true),
  pending_config: Nullable(Type.Object({ config_version: Type.Integer(), config_data: Type.Unknown() })),
  auth_token: Type.Optional(Type.String()),
  auth_token_expires_at: Type.Optional(Timestamp()),
  server_time: Timestamp(),
});
export type HeartbeatReply = Static<typeof HeartbeatReply>;
export const ConfigReply = Type.Object({
  config_version: Type.Integer({ description: '0 = never configured.' }),
  config_data: Type.Unknown(),
  sha256: Nullable(Type.String()),
});
export type ConfigReply = Static<typeof ConfigReply>;
export const RenewBody = Type.Object({ csr: Type.String({ maxLength: 8192 }) });
export const RenewReply = Type.Object({ certificate_chain: Type.String(), expires_at: Timestamp() });
export const TokenReply = Type.Object({ auth_token: Type.String(), auth_token_expires_at: Timestamp() });

const admin = { auth: 'session', tag: 'devices' } as const;
const device = { auth: 'device', action: 'device.self', tag: 'device side' } as const;

export const DEVICE_ROUTES = {
  'devices.list': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/devices',
    action: 'device.read',
    summary: 'Devices, filtered and sorted (SD-E2)',
    query: DeviceQuery,
    status: 200,
    response: PageOf(DeviceView),
  },
  'devices.summary': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/summary',
    action: 'device.read',
    summary: 'Counts by status and type',
    query: Type.Object({ org_id: Type.Optional(Uuid()) }),
    status: 200,
    response: FleetSummary,
  },
  'devices.import': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/edge/devices/import',
    action: 'device.import',
    summary: 'Pre-register devices in bulk; JSON, or CSV with a header row',
    body: ImportBody,
    status: 200,
    response: ImportResult,
  },
  'devices.get': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/devices/:device_id',
    action: 'device.read',
    summary: 'One device (SD-E3)',
    params: DeviceParams,
    status: 200,
    response: DeviceDetail,
  },
  'devices.update': {
    ...admin,
    method: 'PUT',
    path: '/api/v1/admin/edge/devices/:device_id',
    action: 'device.write',
    summary: 'Rename, tag, set maintenance (SD-E4)',
    params: DeviceParams,
    body: UpdateDeviceBody,
    status: 200,
    response: DeviceView,
  },
  'devices.delete': {
    ...admin,
    method: 'DELETE',
    path: '/api/v1/admin/edge/devices/:device_id',
    action: 'device.delete',
    summary: 'Delete a device and revoke its certificates (SD-E5)',
    params: DeviceParams,
    status: 204,
  },
  'devices.revoke': {
    ...admin,
    method: 'POST',
    path: '/api/v1/admin/edge/devices/:device_id/revoke',
    action: 'device.revoke',
    summary: 'Revoke every certificate of a device; it must enrol anew',
    params: DeviceParams,
    body: RevokeBody,
    status: 200,
    response: Type.Object({ revoked: Type.Integer() }),
  },
  'devices.presence': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/devices/:device_id/presence',
    action: 'device.read',
    summary: 'Presence timeline, newest first',
    params: DeviceParams,
    query: Type.Object({ from: Type.Optional(Timestamp()), to: Type.Optional(Timestamp()), ...PageQuery }),
    status: 200,
    response: PageOf(PresenceEventView),
  },
  'devices.events': {
    ...admin,
    method: 'GET',
    path: '/api/v1/admin/edge/events',
    action: 'device.read',
    summary: 'Server-Sent Events: live changes of devices and tokens',
    query: Type.Object({ org_id: Type.Optional(Uuid()) }),
    status: 200,
    produces: 'text/event-stream',
  },
  'device.register': {
    method: 'POST',
    path: '/api/v1/edge/devices/register',
    auth: 'public',
    action: 'public',
    tag: 'device side',
    summary: 'Enrol with a registration token (SD-E1)',
    body: RegisterBody,
    status: 201,
    response: RegisterReply,
  },
  'device.heartbeat': {
    ...device,
    method: 'POST',
    path: '/api/v1/edge/devices/:device_id/heartbeat',
    summary: 'Heartbeat (SD-E6)',
    params: DeviceParams,
    body: Heartbeat,
    status: 200,
    response: HeartbeatReply,
  },
  'device.config': {
    ...device,
    method: 'GET',
    path: '/api/v1/edge/devices/:device_id/config',
    summary: 'Active configuration (SD-E7)',
    params: DeviceParams,
    status: 200,
    response: ConfigReply,
  },
  'device.renew': {
    ...device,
    method: 'POST',
    path: '/api/v1/edge/devices/:device_id/certificate',
    summary: 'Next certificate from a CSR',
    params: DeviceParams,
    body: RenewBody,
    status: 201,
    response: RenewReply,
  },
  'device.token': {
    ...device,
    auth: 'certificate',
    method: 'POST',
    path: '/api/v1/edge/devices/:device_id/token',
    summary: 'A new JWT for the holder of the client certificate',
    params: DeviceParams,
    status: 201,
    response: TokenReply,
  },
} as const satisfies Record<string, Route>;
