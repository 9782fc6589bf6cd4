/** Who calls: decided before the body is read, by the row's `auth`. */
import type { FastifyRequest } from 'fastify';
import { AppError, type ControlPlane, type DeviceCaller, type Origin, type Person } from '#control-plane';
import type { Authentication, Route } from '#web-api';
import { peerCertificateOf } from './peer-certificate.ts';
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
}

const MAX_USER_AGENT_LENGTH = 300;
/** RFC 6750 §2.1; a JWT of ours has under 1,000 characters. */
const BEARER = /^Bearer ([A-Za-z0-9._~+/-]{1,4096}=*)$/i;

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

/** @throws AppError 'auth.required' where the request has no session cookie. */
export function sessionTokenOf(request: FastifyRequest, secure: boolean): string {
  const token = request.cookies[sessionCookieName(secure)];
  if (token === undefined || token === '') throw new AppError('auth.required');
  return token;
}

async function authenticatePerson(
  deps: AuthenticateDeps,
  route: Route,
  request: FastifyRequest,
): Promise<Person> {
  const person = await deps.controlPlane.access.authenticate(
    sessionTokenOf(request, deps.secure),
    originOf(request),
  );
  if (route.method === 'GET') return person;
  checkOrigin(deps, request);
  if (!isCsrfTokenRight(request.headers['x-csrf-token'], person.csrfToken)) throw new AppError('auth.csrf');
  return person;
}

function checkOrigin({ secure, publicUrl }: AuthenticateDeps, request: FastifyRequest): void {
  if (!isOwnOrigin(request.headers.origin, { secure, host: request.host, publicUrl })) {
    throw new AppError('auth.csrf', { detail: 'The Origin header names another site.' });
  }
}

async function authenticateDevice(
  { controlPlane }: AuthenticateDeps,
  auth: 'device' | 'certificate',
  request: FastifyRequest,
): Promise<DeviceCaller> {
  const peer = peerCertificateOf(request.raw.socket);
  const origin = originOf(request);
  const device = await (auth === 'certificate'
    ? controlPlane.device.authenticateCertificate(required(peer?.serial), origin)
    : controlPlane.device.authenticateToken(
        required(BEARER.exec(request.headers.authorization ?? '')?.[1]),
        peer?.sha256 ?? null,
        origin,
      ));
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
