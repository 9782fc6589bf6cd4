/** The shape of one row of the HTTP contract. */
import type { TObject, TSchema } from 'typebox';

/**
 * How the caller proves who it is. `public`: not at all; `session`: a person or a service account, by cookie and CSRF
 * token, or by a bearer token (API key, access token of the identity provider), which no browser sends by itself;
 * `device`: the device's JWT; `certificate`: the device's client certificate on the TLS connection.
 */
export const AUTHENTICATION = ['public', 'session', 'device', 'certificate'] as const;
export type Authentication = (typeof AUTHENTICATION)[number];

/** What a route does, in the words of the policy table (control-plane/access/policy.ts). */
export const ACTIONS = [
  'public',
  'self',
  'device.self',
  'organization.list',
  'organization.create',
  'organization.read',
  'organization.update',
  'organization.suspend',
  'organization.delete',
  'organization.export',
  'user.read',
  'user.write',
  'member.read',
  'member.write',
  'group.read',
  'group.write',
  'service_account.read',
  'service_account.write',
  'security.read',
  'security.write',
  'secret.read',
  'secret.write',
  'encryption.read',
  'encryption.rotate',
  'encryption.master',
  'certificate.read',
  'authority.read',
  'authority.write',
  'authority.rollover',
  'enrollment.read',
  'enrollment.decide',
  'claim.write',
  'device.read',
  'device.write',
  'device.delete',
  'device.revoke',
  'device.import',
  'token.read',
  'token.write',
  'integrator.read',
  'integrator.write',
  'refusal.read',
  'audit.read',
  'audit.export',
  'telemetry.read',
  'telemetry.write',
  'log.read',
  'dead_letter.read',
] as const;
export type Action = (typeof ACTIONS)[number];

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly auth: Authentication;
  readonly action: Action;
  readonly summary: string;
  readonly tag: string;
  readonly params?: TObject;
  readonly query?: TObject;
  readonly body?: TSchema;
  /** Status and body of success. Errors are problem+json everywhere. */
  readonly status: number;
  readonly response?: TSchema;
  /** Content type of a response that is not JSON. */
  readonly produces?: string;
}
