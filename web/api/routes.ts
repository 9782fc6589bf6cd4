/** Every route of the HTTP contract. Handlers, OpenAPI, the policy matrix test and the console derive from it. */
import type { Static, TSchema } from 'typebox';
import { APPROVAL_ROUTES } from './approvals.ts';
import { AUDIT_ROUTES } from './audit.ts';
import { CERTIFICATE_ROUTES } from './certificates.ts';
import { CLAIM_ROUTES } from './claims.ts';
import { CREDENTIAL_ROUTES } from './credentials.ts';
import { DEVICE_ROUTES } from './devices.ts';
import { ENROLLMENT_ROUTES } from './enrollment.ts';
import { GROUP_ROUTES } from './groups.ts';
import { OIDC_ROUTES } from './oidc.ts';
import { ORGANIZATION_ROUTES } from './organizations.ts';
import { PEOPLE_ROUTES } from './people.ts';
import { SECRET_ROUTES } from './secrets.ts';
import { SECURITY_ROUTES } from './security.ts';
import { SIGN_IN_ROUTES } from './sign-in.ts';
import { TELEMETRY_ROUTES } from './telemetry.ts';

export const ROUTES = {
  ...SIGN_IN_ROUTES,
  ...CREDENTIAL_ROUTES,
  ...OIDC_ROUTES,
  ...ORGANIZATION_ROUTES,
  ...PEOPLE_ROUTES,
  ...GROUP_ROUTES,
  ...SECURITY_ROUTES,
  ...AUDIT_ROUTES,
  ...DEVICE_ROUTES,
  ...ENROLLMENT_ROUTES,
  ...APPROVAL_ROUTES,
  ...CLAIM_ROUTES,
  ...TELEMETRY_ROUTES,
  ...SECRET_ROUTES,
  ...CERTIFICATE_ROUTES,
} as const;
export type RouteName = keyof typeof ROUTES;

type Field<N extends RouteName, K extends string> =
  (typeof ROUTES)[N] extends Record<K, infer S extends TSchema> ? Static<S> : undefined;
export type ParamsOf<N extends RouteName> = Field<N, 'params'>;
export type QueryOf<N extends RouteName> = Field<N, 'query'>;
export type BodyOf<N extends RouteName> = Field<N, 'body'>;
export type ResponseOf<N extends RouteName> = Field<N, 'response'>;
