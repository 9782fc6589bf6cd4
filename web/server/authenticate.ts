/** Who calls: decided before the body is read, by the row's `auth`. */
import type { FastifyRequest } from 'fastify';
import { AppError, type ControlPlane, type DeviceCaller, type Origin, type Person } from '#control-plane';
import type { Authentication, Route } from '#web-api';
import { peerCertificateOf } from './peer-certificate.ts';
import type { RateLimits } from './rate-limits.ts';
import { isCsrfTokenRight, isOwnOrigin, sessionCookieName } from './session-cookie.ts';

export type CallerOf<A extends Authentication> = A extends 'session'
  ? Person
  : A extends 'device' | 'certificate'
    ? DeviceCaller
    : null;

export interface AuthenticateDeps {
  readonly controlPlane: ControlPlane;
  /** Whether this listener speaks TLS. */
  readonly secure: boolean;
  readonly publicUrl: string;
  readonly rateLimits: RateLimits;
}

const MAX_USER_AGENT_LENGTH = 300;
/** RFC 6750 §2.1; a JWT of ours has under 1,000 characters, one of a provider with many roles some 3,000. */
const BEARER = /^Bearer ([A-Za-z0-9._~+/-]{1,16384}=*)$/i;

/** @throws AppError auth.required, auth.csrf, device.not_found, and what the use cases throw. */
export function authenticate(
  deps: AuthenticateDeps,
  route: Route,
  request: FastifyRequest,
): Promise<Person | DeviceCaller> | null {
  switch (route.auth) {
    case 'public':
      if (route.method !== 'GET') checkOrigin(deps, request);
      return null;
    case 'session':
      return authenticatePerson(deps, route, request);
    case 'device':
    case 'certificate':
      return authenticateDevice(deps, route.auth, request);
  }
}

export function originOf(request: FastifyRequest): Origin {
  return {
    ipAddress: request.ip.replace(/^::ffff:(?=\d+\.)/, ''),
    userAgent: request.headers['user-agent']?.slice(0, MAX_USER_AGENT_LENGTH) ?? null,
    requestId: request.id,
  };
}

/** What a person or a service account came with, before anybody has looked whether it is right. */
export interface Credential {
  readonly kind: 'session' | 'key' | 'access_token';
  readonly text: string;
}

/**
 * A bearer token counts alone, whatever cookie comes with it: no browser sends one by itself.
 * @throws AppError 'auth.required' where there is neither, or a bearer token of no known form.
 */
export function credentialOf(request: FastifyRequest, secure: boolean): Credential {
  const authorization = request.headers.authorization ?? '';
  if (/^bearer\b/i.test(authorization)) {
    const text = required(BEARER.exec(authorization)?.[1]);
    if (text.startsWith('ock_')) return { kind: 'key', text };
    if (text.split('.').length === 3) return { kind: 'access_token', text };
    throw new AppError('auth.required');
  }
  // Any other scheme is for somebody before us, such as a proxy that asks for a password.
  const text = request.cookies[sessionCookieName(secure)];
  return { kind: 'session', text: required(text === '' ? undefined : text) };
}

/** `touch` false: a check that is no use. @throws AppError 'auth.required', and what the provider's part throws. */
export function identify(
  access: ControlPlane['access'],
  { kind, text }: Credential,
  origin: Origin,
  look?: { readonly touch?: boolean },
): Promise<Person> {
  switch (kind) {
    case 'session':
      return access.authenticate(text, origin, look);
    case 'key':
      return access.authenticateKey(text, origin, look);
    case 'access_token':
      return access.authenticateAccessToken(text, origin);
  }
}

/** What one caller's streams and requests are counted under. */
export const callerKey = (person: Person): string =>
  person.apiKey !== null
    ? `key ${person.apiKey.id}`
    : person.sessionTokenHash !== ''
      ? `session ${person.sessionTokenHash}`
      : `user ${person.userId}`;

async function authenticatePerson(
  deps: AuthenticateDeps,
  route: Route,
  request: FastifyRequest,
): Promise<Person> {
  const credential = credentialOf(request, deps.secure);
  const target = { credential: `${credential.kind} ${credential.text}`, orgId: namedOrg(request) };
  const person = await deps.rateLimits.charged(target, () =>
    identify(deps.controlPlane.access, credential, originOf(request)),
  );
  // Only what a browser sends by itself can be sent by another site.
  if (route.method === 'GET' || credential.kind !== 'session') return person;
  checkOrigin(deps, request);
  if (!isCsrfTokenRight(request.headers['x-csrf-token'], person.csrfToken)) throw new AppError('auth.csrf');
  return person;
}

function checkOrigin({ secure, publicUrl }: AuthenticateDeps, request: FastifyRequest): void {
  if (!isOwnOrigin(request.headers.origin, { secure, host: request.host, publicUrl })) {
    throw new AppError('auth.csrf', { detail: 'The Origin header names another site.' });
  }
}

/** The organisation that address or query names; who may see it is decided later. */
function namedOrg({ params, query }: FastifyRequest): string | null {
  const named = fieldOf(params, 'organization_id') ?? fieldOf(query, 'org_id');
  return typeof named === 'string' ? named : null;
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;

async function authenticateDevice(
  { controlPlane, rateLimits }: AuthenticateDeps,
  auth: 'device' | 'certificate',
  request: FastifyRequest,
): Promise<DeviceCaller> {
  const peer = peerCertificateOf(request.raw.socket);
  const origin = originOf(request);
  const proof =
    auth === 'certificate'
      ? required(peer?.sha256)
      : required(BEARER.exec(request.headers.authorization ?? '')?.[1]);
  const target = { credential: `device ${proof}`, orgId: null };
  const device = await rateLimits.charged(target, () =>
    auth === 'certificate'
      ? controlPlane.device.authenticateCertificate(required(peer?.serial), proof, origin)
      : controlPlane.device.authenticateToken(proof, peer?.sha256 ?? null, origin),
  );
  // A device speaks for itself alone; any other id, foreign or made up, does not exist for it.
  if (addressedDevice(request) !== device.deviceId) throw new AppError('device.not_found');
  return device;
}

function required(proof: string | undefined): string {
  if (proof === undefined) throw new AppError('auth.required');
  return proof;
}

function addressedDevice(request: FastifyRequest): string | null {
  const params = request.params;
  return typeof params === 'object' && params !== null && 'device_id' in params
    ? String(params.device_id).toLowerCase()
    : null;
}
