/** The control plane's door. */

export type * from './audit-use-cases.ts';
export type { BrokerAccess } from './broker-access.ts';
export type * from './certificate-use-cases.ts';
export { type ControlPlaneOptions, createControlPlane } from './create.ts';
export type * from './credential-use-cases.ts';
export type * from './enrollment-use-cases.ts';
export { AppError, ERRORS, type ErrorCode, type FieldError } from './errors.ts';
export type * from './oidc-use-cases.ts';
export type * from './people-use-cases.ts';
export type * from './secrets-use-cases.ts';
export type * from './telemetry-use-cases.ts';
export type * from './use-cases.ts';
