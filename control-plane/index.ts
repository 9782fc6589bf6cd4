/** The control plane's door. */

export type { BrokerAccess } from './broker-access.ts';
export { type ControlPlaneOptions, createControlPlane } from './create.ts';
export { AppError, ERRORS, type ErrorCode, type FieldError } from './errors.ts';
export type * from './telemetry-use-cases.ts';
export type * from './use-cases.ts';
