/**
 * What the control plane can do, apart from how: the interfaces that web/server (and tests) program against.
 * Every method authorises its caller by the policy table, validates, writes one audit row where it changes
 * anything (refusals too) and throws AppError with a code of errors.ts. Results have the shapes of the HTTP contract.
 */

import type { Heartbeat, TelemetrySettings } from '#contract';
import type {
  Action,
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
import type { AuditUseCases } from './audit-use-cases.ts';
import type { CertificateUseCases } from './certificate-use-cases.ts';
import type { CredentialUseCases } from './credential-use-cases.ts';
import type { ApprovalUseCases, ClaimUseCases } from './enrollment-use-cases.ts';
import type { ErrorCode } from './errors.ts';
import type { OidcUseCases } from './oidc-use-cases.ts';
import type { PeopleUseCases } from './people-use-cases.ts';
import type { SecretUseCases } from './secrets-use-cases.ts';
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
  /** The installation asks its system admins for a second factor, and this one has none yet. */
  readonly mustEnrollTotp: boolean;
  /** organisation id → role */
  readonly roles: ReadonlyMap<string, Role>;
  /** organisation id → the device groups that the role is limited to there; no entry = all devices of the organisation. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /**
   * organisation id → why nothing of it is open to this person now: it is suspended, or the request comes from outside
   * of its networks. Made with roles and groups by `standingOf`.
   */
  readonly barred: ReadonlyMap<string, ErrorCode>;
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
  /** By an API key; `touch` as with sessions. @throws 'auth.required' for an unknown, expired or revoked one. */
  authenticateKey(key: string, origin: Origin, look?: { readonly touch?: boolean }): Promise<Person>;
  /**
   * A bearer access token of the identity provider (JWT).
   * @throws 'auth.required', 'auth.oidc_no_access', 'auth.oidc_unavailable'
   */
  authenticateAccessToken(jwt: string, origin: Origin): Promise<Person>;
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
}

/** The event as the person may see it; null: not at all. */
export type LiveFilter = (event: LiveEvent) => LiveEvent | null;

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
  /** What of live events the person may see, until 'access.changed' says otherwise. @throws 'organization.not_found' */
  liveFilter(person: Person, orgId: string | undefined): Promise<LiveFilter>;
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
  /** By a client certificate that TLS verified against our CAs; `sha256` of its DER, lower hex. @throws 'auth.required' */
  authenticateCertificate(serial: string, sha256: string, origin: Origin): Promise<DeviceCaller>;
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
  /** Every root certificate to trust, PEM: more than one while the authority changes. */
  rootCertificates(): string;
  /** CRL of each issuing CA, PEM, made fresh. */
  crl(): Promise<string>;
}

export interface ControlPlane {
  readonly access: AccessUseCases;
  readonly credentials: CredentialUseCases;
  readonly oidc: OidcUseCases;
  readonly fleet: FleetUseCases;
  readonly enrollment: EnrollmentUseCases;
  readonly approvals: ApprovalUseCases;
  readonly claims: ClaimUseCases;
  readonly device: DeviceUseCases;
  readonly telemetry: TelemetryUseCases;
  readonly secrets: SecretUseCases;
  readonly people: PeopleUseCases;
  readonly certificates: CertificateUseCases;
  readonly audit: AuditUseCases;
  readonly material: PublicMaterial;
  /** Live events of every organisation; the caller filters by `fleet.liveFilter`. */
  subscribe(listener: (event: LiveEvent) => void): () => void;
  /** Resolves when the database answers. @throws 'service.unavailable' */
  ready(): Promise<void>;
  stop(): Promise<void>;
}
