/** The shape of one row of the HTTP contract. */
import type { TObject, TSchema } from 'typebox';

/**
 * How the caller proves who it is. `public`: not at all; `session`: a person, by cookie and CSRF token;
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
  'member.read',
  'member.write',
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
