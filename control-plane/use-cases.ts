/**
 * What the control plane can do, apart from how: the interfaces that web/server (and tests) program against.
 * Every method authorises its caller by the policy table, validates, writes one audit row where it changes
 * anything (refusals too) and throws AppError with a code of errors.ts. Results have the shapes of the HTTP contract.
 */

import type { Heartbeat, TelemetrySettings } from '#contract';
import type {
  Action,
  AuditView,
  BatchReply,
  BodyOf,
  ConfigReply,
  CreateIntegratorReply,
  CreateTokenReply,
  DeviceDetail,
  DeviceView,
  FleetSummary,
  HeartbeatReply,
  ImportResult,
  IntegratorView,
  LiveEvent,
  Me,
  MemberView,
  OrganizationView,
  PresenceEventView,
  QueryOf,
  RefusalView,
  RegisterReply,
  Role,
  TokenView,
} from '#web-api';
import type { TelemetryUseCases } from './telemetry-use-cases.ts';

/** Where a request came from; only for audit, rate limits and the device's shown address. */
export interface Origin {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly requestId: string;
}

/** A signed-in person or a service account. Made by `access.authenticate…`, never by hand. */
export interface Person {
  readonly kind: 'person';
  readonly userId: string;
  readonly email: string;
  readonly isSystemAdmin: boolean;
  readonly mustChangePassword: boolean;
  /** organisation id → role */
  readonly roles: ReadonlyMap<string, Role>;
  /** organisation id → the device groups that the role is limited to there; no entry = all devices of the organisation. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** By what the caller came: null for a cookie session and for an access token of the identity provider. */
  readonly apiKey: ApiKeyCredential | null;
  /** Empty where there is no cookie session. */
  readonly csrfToken: string;
  /** Empty where there is no cookie session. */
  readonly sessionTokenHash: string;
  readonly origin: Origin;
}
/** The key narrows what its holder may do, never widens it. */
export interface ApiKeyCredential {
  readonly id: string;
  /** First characters, for people to tell keys apart. */
  readonly prefix: string;
  readonly scopes: ReadonlySet<Action>;
}

/** A device that proved itself by JWT or client certificate. Made by `devices.authenticate…`. */
export interface DeviceCaller {
  readonly kind: 'device';
  readonly deviceId: string;
  readonly orgId: string;
  readonly orgSlug: string;
  readonly certificateSerial: string;
  readonly origin: Origin;
}

export interface Listed<T> {
  readonly items: T[];
  readonly total: number;
  readonly next_cursor: string | null;
}

export interface AccessUseCases {
  /** Same answer and timing for an unknown e-mail and a wrong password. @throws 'auth.invalid_credentials', 'rate.limited' */
  login(
    body: BodyOf<'auth.login'>,
    origin: Origin,
  ): Promise<{ sessionToken: string; expiresAt: Date; me: Me }>;
  /**
   * `touch` false: a check that is no activity, so that an open stream lets its session idle out.
   * @throws 'auth.required' for an unknown, idle or expired session.
   */
  authenticate(sessionToken: string, origin: Origin, look?: { readonly touch?: boolean }): Promise<Person>;
  logout(person: Person): Promise<void>;
  me(person: Person): Promise<Me>;
  changePassword(person: Person, body: BodyOf<'auth.password'>): Promise<void>;
  listOrganizations(person: Person, query: QueryOf<'organizations.list'>): Promise<Listed<OrganizationView>>;
  createOrganization(person: Person, body: BodyOf<'organizations.create'>): Promise<OrganizationView>;
  getOrganization(person: Person, orgId: string): Promise<OrganizationView>;
  updateOrganization(
    person: Person,
    orgId: string,
    body: BodyOf<'organizations.update'>,
  ): Promise<OrganizationView>;
  listMembers(person: Person, orgId: string, query: QueryOf<'members.list'>): Promise<Listed<MemberView>>;
  addMember(person: Person, orgId: string, body: BodyOf<'members.add'>): Promise<MemberView>;
  updateMember(
    person: Person,
    orgId: string,
    userId: string,
    body: BodyOf<'members.update'>,
  ): Promise<MemberView>;
  removeMember(person: Person, orgId: string, userId: string): Promise<void>;
  listAudit(person: Person, query: QueryOf<'audit.list'>): Promise<Listed<AuditView>>;
}

export interface FleetUseCases {
  list(person: Person, query: QueryOf<'devices.list'>): Promise<Listed<DeviceView>>;
  summary(person: Person, query: QueryOf<'devices.summary'>): Promise<FleetSummary>;
  get(person: Person, deviceId: string): Promise<DeviceDetail>;
  update(person: Person, deviceId: string, body: BodyOf<'devices.update'>): Promise<DeviceView>;
  delete(person: Person, deviceId: string): Promise<void>;
  revoke(person: Person, deviceId: string, body: BodyOf<'devices.revoke'>): Promise<{ revoked: number }>;
  presence(
    person: Person,
    deviceId: string,
    query: QueryOf<'devices.presence'>,
  ): Promise<Listed<PresenceEventView>>;
  import(person: Person, body: BodyOf<'devices.import'>): Promise<ImportResult>;
  listRefusals(person: Person, query: QueryOf<'refusals.list'>): Promise<Listed<RefusalView>>;
  /** The organisations whose live events the person may see; null = all. @throws 'organization.not_found' */
  liveScope(person: Person, orgId: string | undefined): Promise<ReadonlySet<string> | null>;
}

export interface EnrollmentUseCases {
  listTokens(person: Person, query: QueryOf<'tokens.list'>): Promise<Listed<TokenView>>;
  createToken(person: Person, body: BodyOf<'tokens.create'>): Promise<CreateTokenReply>;
  getToken(person: Person, tokenId: string): Promise<TokenView>;
  revokeToken(person: Person, tokenId: string): Promise<void>;
  listIntegrators(person: Person, query: QueryOf<'integrators.list'>): Promise<Listed<IntegratorView>>;
  createIntegrator(person: Person, body: BodyOf<'integrators.create'>): Promise<CreateIntegratorReply>;
  deleteIntegrator(person: Person, integratorId: string): Promise<void>;
  /** @throws 'enrollment.token_invalid' (401), 'enrollment.hardware_known' (409), 'enrollment.csr_invalid' (422) … */
  register(body: BodyOf<'device.register'>, origin: Origin): Promise<RegisterReply>;
}

export interface DeviceUseCases {
  /**
   * Bearer JWT of a device; `peerCertificateSha256` is the thumbprint of the client certificate on this TLS
   * connection, where there is one. @throws 'auth.required'
   */
  authenticateToken(jwt: string, peerCertificateSha256: string | null, origin: Origin): Promise<DeviceCaller>;
  /** By a client certificate that TLS verified against our CA. @throws 'auth.required' */
  authenticateCertificate(serial: string, origin: Origin): Promise<DeviceCaller>;
  heartbeat(device: DeviceCaller, body: Heartbeat): Promise<HeartbeatReply>;
  config(device: DeviceCaller): Promise<ConfigReply>;
  /** A bad record costs only itself. @throws 'ingest.gap'; 'request.invalid' where no record is any good. */
  metrics(device: DeviceCaller, body: BodyOf<'device.metrics'>): Promise<BatchReply>;
  logs(device: DeviceCaller, body: BodyOf<'device.logs'>): Promise<BatchReply>;
  events(device: DeviceCaller, body: BodyOf<'device.events'>): Promise<BatchReply>;
  telemetry(device: DeviceCaller): Promise<TelemetrySettings>;
  renew(device: DeviceCaller, csrPem: string): Promise<{ certificate_chain: string; expires_at: string }>;
  issueToken(device: DeviceCaller): Promise<{ auth_token: string; auth_token_expires_at: string }>;
}

export interface PublicMaterial {
  /** Root certificate, PEM. */
  readonly rootCertificate: string;
  /** CRL of the issuing CA, PEM, made fresh. */
  crl(): Promise<string>;
}

export interface ControlPlane {
  readonly access: AccessUseCases;
  readonly fleet: FleetUseCases;
  readonly enrollment: EnrollmentUseCases;
  readonly device: DeviceUseCases;
  readonly telemetry: TelemetryUseCases;
  readonly material: PublicMaterial;
  /** Live events of every organisation; the caller filters by `fleet.liveScope`. */
  subscribe(listener: (event: LiveEvent) => void): () => void;
  /** Resolves when the database answers. @throws 'service.unavailable' */
  ready(): Promise<void>;
  stop(): Promise<void>;
}
