/** Every route of the HTTP contract. Handlers, OpenAPI, the policy matrix test and the console derive from it. */
import type { Static, TSchema } from 'typebox';
import { ACCESS_ROUTES } from './access.ts';
import { DEVICE_ROUTES } from './devices.ts';
import { ENROLLMENT_ROUTES } from './enrollment.ts';
import { TELEMETRY_ROUTES } from './telemetry.ts';

export const ROUTES = {
  ...ACCESS_ROUTES,
  ...DEVICE_ROUTES,
  ...ENROLLMENT_ROUTES,
  ...TELEMETRY_ROUTES,
} as const;
export type RouteName = keyof typeof ROUTES;

type Field<N extends RouteName, K extends string> =
  (typeof ROUTES)[N] extends Record<K, infer S extends TSchema> ? Static<S> : undefined;
export type ParamsOf<N extends RouteName> = Field<N, 'params'>;
export type QueryOf<N extends RouteName> = Field<N, 'query'>;
export type BodyOf<N extends RouteName> = Field<N, 'body'>;
export type ResponseOf<N extends RouteName> = Field<N, 'response'>;
