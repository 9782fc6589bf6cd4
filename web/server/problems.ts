/** Every error as problem+json (RFC 9457), decided in one place. Pure. */
import { AppError, ERRORS, type ErrorCode, type FieldError } from '#control-plane';
import type { Problem } from '#web-api';

export interface ProblemAnswer {
  readonly problem: Problem;
  readonly retryAfterSeconds: number | undefined;
  /** Ours, not the caller's: to be logged with the error itself. */
  readonly isUnexpected: boolean;
}

/** Where documentation pages describe the code. */
export const problemType = (code: string): string => `/api/docs#error-${code}`;

/** The framework's own errors that have a row in our table; every other 4xx of it is a request that is not valid. */
const FRAMEWORK_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.unsupported_media_type',
  FST_ERR_NOT_FOUND: 'route.not_found',
};

/** `requestId` becomes `instance`; an unexpected error shows nothing else. */
export function toProblem(error: unknown, requestId: string): ProblemAnswer {
  if (error instanceof AppError) return fromAppError(error, requestId);
  const fault = readFrameworkError(error);
  if (fault === null) {
    return { problem: problemOf('internal', requestId), retryAfterSeconds: undefined, isUnexpected: true };
  }
  return fromAppError(fault, requestId);
}

function fromAppError(error: AppError, requestId: string): ProblemAnswer {
  return {
    problem: {
      ...problemOf(error.code, requestId),
      ...(error.detail === undefined || error.code === 'internal' ? {} : { detail: error.detail }),
      ...(error.errors === undefined ? {} : { errors: [...error.errors] }),
    },
    retryAfterSeconds: error.retryAfterSeconds,
    isUnexpected: ERRORS[error.code].status === 500,
  };
}

function problemOf(code: ErrorCode, requestId: string): Problem {
  const { status, title } = ERRORS[code];
  return { type: problemType(code), title, status, code, instance: requestId };
}

/** One field that is not valid, as the caller sees it. */
export function invalidField(path: string, message: string): AppError {
  return new AppError('request.invalid', { errors: [{ path, message }] });
}

interface ValidationFault {
  readonly instancePath?: string;
  readonly keyword?: string;
  readonly message?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

function readFrameworkError(error: unknown): AppError | null {
  if (!(error instanceof Error)) return null;
  if ('validation' in error && Array.isArray(error.validation)) {
    const context = 'validationContext' in error ? String(error.validationContext) : 'body';
    const errors = error.validation.map((fault: ValidationFault) => fieldError(context, fault));
    return new AppError('request.invalid', { errors: firstOfEachPath(errors) });
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = Object.hasOwn(FRAMEWORK_CODES, code) ? FRAMEWORK_CODES[code] : undefined;
  if (known !== undefined) return new AppError(known);
  const status = 'statusCode' in error ? error.statusCode : undefined;
  if (typeof status !== 'number' || status < 400 || status >= 500) return null;
  return invalidField('request', error.message);
}

/** `device_name` of a body, `query.page` and `params.device_id` elsewhere. */
function fieldError(context: string, fault: ValidationFault): FieldError {
  const steps = (fault.instancePath ?? '').split('/').slice(1);
  const missing = fault.params?.missingProperty;
  if (typeof missing === 'string') steps.push(missing);
  const prefix = context === 'body' ? [] : [context === 'querystring' ? 'query' : context];
  const path = [...prefix, ...steps].join('.');
  return { path: path === '' ? context : path, message: describe(fault) };
}

/** A union fails once per branch; the first branch is the one that callers mean, the rest is noise. */
const firstOfEachPath = (errors: readonly FieldError[]): FieldError[] =>
  errors.filter(({ path }, index) => errors.findIndex((other) => other.path === path) === index);

function describe({ keyword, message = 'is not valid', params }: ValidationFault): string {
  const allowed = params?.allowedValues;
  return keyword === 'enum' && Array.isArray(allowed) ? `must be one of ${allowed.join(', ')}` : message;
}
