/** Every error that a caller can meet: code, HTTP status and title. The README of this room shows the same table. */

export const ERRORS = {
  'auth.required': { status: 401, title: 'Sign in or send a valid token' },
  'auth.invalid_credentials': { status: 401, title: 'E-mail or password is wrong' },
  'auth.totp_required': { status: 401, title: 'Send the code of your authenticator app too' },
  'auth.code_invalid': { status: 401, title: 'The code is wrong or was used before' },
  'auth.totp_enrollment_required': { status: 403, title: 'Set up a second factor first' },
  'auth.totp_enabled': { status: 409, title: 'The second factor is on already' },
  'auth.totp_not_begun': { status: 409, title: 'Ask for a new secret first' },
  'auth.session_required': { status: 403, title: 'No API key can do this; sign in' },
  'auth.csrf': { status: 403, title: 'The x-csrf-token header is missing or wrong' },
  'auth.forbidden': { status: 403, title: 'Your role does not allow this' },
  'auth.password_change_required': { status: 403, title: 'Set a new password first' },
  'auth.password_unchanged': { status: 422, title: 'The new password equals the old one' },
  'auth.oidc_off': { status: 404, title: 'Sign-in by an identity provider is not set up' },
  'auth.oidc_refused': { status: 401, title: 'The identity provider’s answer cannot be accepted' },
  'auth.oidc_no_access': { status: 403, title: 'The identity provider gives you no role here' },
  'auth.oidc_unavailable': { status: 503, title: 'The identity provider does not answer; try again' },
  'request.invalid': { status: 400, title: 'A field of the request is not valid' },
  'request.unsupported_media_type': { status: 415, title: 'This content type is not accepted here' },
  'request.too_large': { status: 413, title: 'The request body is too large' },
  'request.cursor_invalid': { status: 400, title: 'The cursor does not belong to this list' },
  'route.not_found': { status: 404, title: 'No such address' },
  'rate.limited': { status: 429, title: 'Too many requests; wait as long as Retry-After says' },
  'session.not_found': { status: 404, title: 'No such session' },
  'key.not_found': { status: 404, title: 'No such API key' },
  'key.too_many': { status: 409, title: 'The holder has as many API keys as it may have' },
  'service_account.not_found': { status: 404, title: 'No such service account' },
  'service_account.name_taken': {
    status: 409,
    title: 'A service account of this name exists in the organisation',
  },
  'service_account.too_many': {
    status: 409,
    title: 'The organisation has as many service accounts as it may have',
  },
  'organization.not_found': { status: 404, title: 'No such organisation' },
  'organization.slug_taken': { status: 409, title: 'An organisation with this slug exists' },
  'organization.slug_reserved': { status: 422, title: 'This slug is reserved' },
  'organization.suspended': { status: 403, title: 'This organisation is suspended' },
  'organization.network_refused': {
    status: 403,
    title: 'This organisation takes no requests from your network',
  },
  'organization.not_suspended': { status: 409, title: 'This organisation is not suspended' },
  'organization.name_mismatch': { status: 422, title: 'The name given is not that of the organisation' },
  'organization.deletion_due': { status: 409, title: 'The grace of this deletion is over' },
  'security.conflict': { status: 409, title: 'The settings were changed since; read them again' },
  'security.locks_out': { status: 422, title: 'Your own address must be within the allowed networks' },
  'group.not_found': { status: 404, title: 'No such device group' },
  'group.name_taken': { status: 409, title: 'A group of this name exists in the organisation' },
  'group.too_many': { status: 409, title: 'The organisation has as many groups as it may have' },
  'user.not_found': { status: 404, title: 'No such person' },
  'user.self': { status: 403, title: 'Nobody can disable or demote themselves' },
  'user.last_system_admin': { status: 409, title: 'The last system admin stays' },
  'member.last_admin': { status: 409, title: 'The last admin of an organisation stays' },
  'member.admin_limited': { status: 422, title: 'Admins of an organisation see all of its devices' },
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
  'certificate.not_found': { status: 404, title: 'No such certificate' },
  'certificate.revoked': { status: 409, title: 'This certificate was revoked before' },
  'authority.not_found': { status: 404, title: 'No such authority' },
  'authority.changing': { status: 409, title: 'A change of authority is under way' },
  'authority.in_use': { status: 409, title: 'Something still depends on this authority' },
  'authority.confirmation': { status: 422, title: 'Give the id of the authority once more' },
  'integrator.not_found': { status: 404, title: 'No such integrator' },
  'integrator.name_taken': { status: 409, title: 'An integrator of this name exists in the organisation' },
  'enrollment.token_invalid': {
    status: 401,
    title: 'The registration token is unknown, used up, expired or revoked',
  },
  'enrollment.type_mismatch': { status: 422, title: 'The registration token is for another device type' },
  'enrollment.hardware_known': { status: 409, title: 'This hardware is enrolled already' },
  'enrollment.hardware_mismatch': { status: 422, title: 'The registration token is for other hardware' },
  'enrollment.network_refused': { status: 403, title: 'The registration token is not for your network' },
  'enrollment.pending': { status: 403, title: 'The registration waits for a decision; ask again' },
  'enrollment.rejected': { status: 403, title: 'The registration was rejected' },
  'approval.not_found': { status: 404, title: 'No such registration' },
  'approval.decided': { status: 409, title: 'This registration was decided or has ended' },
  'approval.token_ended': {
    status: 409,
    title: 'The token of this registration is used up, expired or revoked',
  },
  'claim.code_invalid': { status: 422, title: 'The claim code is wrong, used or expired' },
  'claim.own_device': { status: 409, title: 'The device belongs to this organisation already' },
  'enrollment.csr_invalid': { status: 422, title: 'The certificate request cannot be used' },
  'ingest.gap': { status: 409, title: 'Batches must come in order; send again from the acknowledged one' },
  'telemetry.conflict': { status: 409, title: 'The settings were changed since; read them again' },
  'metric_type.not_found': { status: 404, title: 'No such metric type' },
  'metric_type.builtin': { status: 422, title: 'A built-in metric type cannot be changed' },
  'metric_type.too_many': { status: 409, title: 'The organisation has as many metric types as it may have' },
  'encryption.unavailable': {
    status: 503,
    title: 'The key service does not answer or does not have the key; try again',
  },
  'encryption.destroyed': {
    status: 410,
    title: 'The key of this data was destroyed; it cannot be read any more',
  },
  'encryption.unreadable': {
    status: 500,
    title: 'Sealed data does not open: it was changed or belongs elsewhere',
  },
  'encryption.rotation_running': {
    status: 409,
    title: 'A rotation is under way; wait until it has finished',
  },
  'secret.not_found': { status: 404, title: 'No such secret' },
  'secret.too_many': { status: 409, title: 'The organisation has as many secrets as it may have' },
  'secret.path_invalid': { status: 422, title: 'The path leaves the folder of the organisation' },
  'secret.provider_unavailable': { status: 422, title: 'This provider of secrets is not set up' },
  'secret.unresolved': { status: 503, title: 'A secret cannot be resolved now; its check says why' },
  'audit.not_found': { status: 404, title: 'No such audit row' },
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
