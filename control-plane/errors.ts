/** Every error that a caller can meet: code, HTTP status and title. The README of this room shows the same table. */

export const ERRORS = {
  'auth.required': { status: 401, title: 'Sign in or send a valid token' },
  'auth.invalid_credentials': { status: 401, title: 'E-mail or password is wrong' },
  'auth.csrf': { status: 403, title: 'The x-csrf-token header is missing or wrong' },
  'auth.forbidden': { status: 403, title: 'Your role does not allow this' },
  'auth.password_change_required': { status: 403, title: 'Set a new password first' },
  'auth.password_unchanged': { status: 422, title: 'The new password equals the old one' },
  'request.invalid': { status: 400, title: 'A field of the request is not valid' },
  'request.unsupported_media_type': { status: 415, title: 'This content type is not accepted here' },
  'request.too_large': { status: 413, title: 'The request body is too large' },
  'request.cursor_invalid': { status: 400, title: 'The cursor does not belong to this list' },
  'route.not_found': { status: 404, title: 'No such address' },
  'rate.limited': { status: 429, title: 'Too many requests; wait as long as Retry-After says' },
  'organization.not_found': { status: 404, title: 'No such organisation' },
  'organization.slug_taken': { status: 409, title: 'An organisation with this slug exists' },
  'organization.slug_reserved': { status: 422, title: 'This slug is reserved' },
  'member.not_found': { status: 404, title: 'No such member' },
  'member.exists': { status: 409, title: 'This person is a member already' },
  'member.self': { status: 403, title: 'Nobody can change their own membership' },
  'member.password_required': { status: 422, title: 'A new person needs a first password' },
  'device.not_found': { status: 404, title: 'No such device' },
  'device.name_taken': { status: 409, title: 'A device of this name exists in the organisation' },
  'token.not_found': { status: 404, title: 'No such registration token' },
  'token.replacement_invalid': {
    status: 422,
    title: 'A replacement token has one use and the type of its device',
  },
  'integrator.not_found': { status: 404, title: 'No such integrator' },
  'integrator.name_taken': { status: 409, title: 'An integrator of this name exists in the organisation' },
  'enrollment.token_invalid': {
    status: 401,
    title: 'The registration token is unknown, used up, expired or revoked',
  },
  'enrollment.type_mismatch': { status: 422, title: 'The registration token is for another device type' },
  'enrollment.hardware_known': { status: 409, title: 'This hardware is enrolled already' },
  'enrollment.csr_invalid': { status: 422, title: 'The certificate request cannot be used' },
  'ingest.gap': { status: 409, title: 'Batches must come in order; send again from the acknowledged one' },
  'telemetry.conflict': { status: 409, title: 'The settings were changed since; read them again' },
  'metric_type.not_found': { status: 404, title: 'No such metric type' },
  'metric_type.builtin': { status: 422, title: 'A built-in metric type cannot be changed' },
  'metric_type.too_many': { status: 409, title: 'The organisation has as many metric types as it may have' },
  'service.unavailable': { status: 503, title: 'A part of the service does not answer; try again' },
  internal: { status: 500, title: 'Unexpected error; the log has it under the request id' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** An error that its caller may see. `detail` and `errors` hold no secrets and nothing internal. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    options: {
      detail?: string;
      errors?: readonly FieldError[];
      retryAfterSeconds?: number;
      cause?: unknown;
    } = {},
  ) {
    super(options.detail ?? ERRORS[code].title, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.detail = options.detail;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
