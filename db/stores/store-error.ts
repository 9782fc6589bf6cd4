/** The few database errors that a caller can act on; all others pass as pg threw them. */
import { DrizzleQueryError } from 'drizzle-orm';
import { DatabaseError } from 'pg';
import type { StoreErrorCode } from './contracts/database.ts';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** Of a conflict: the field that is taken already. */
  readonly field: string | null;

  constructor(code: StoreErrorCode, message: string, options: { field?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.field = options.field ?? null;
  }
}

/** Unique constraint → the name that its field has in the stores. */
const FIELD_OF_CONSTRAINT: Readonly<Record<string, string>> = {
  organizations_slug_key: 'slug',
  users_email_key: 'email',
  users_issuer_subject_key: 'subject',
  memberships_pkey: 'user_id',
  edge_devices_name_key: 'device_name',
  edge_devices_hardware_key: 'hardware_id',
  registration_tokens_hash_key: 'token_hash',
  integrators_name_key: 'name',
  device_groups_name_key: 'group_name',
  service_accounts_name_key: 'service_account',
  device_certificates_pkey: 'serial',
  audit_log_attempt_key: 'attempt',
};

const UNIQUE_VIOLATION = '23505';
/**
 * SQLSTATE classes and codes after which the same work may succeed later: lost connection (08), transaction
 * rollback (40), lack of resources (53), server going down (57P), cancelled by a timeout (57014, 55P03, 25P03),
 * a standby that is read-only still (25006), I/O error (58030).
 */
const TRANSIENT = /^(08|40|53|57P|57014|55P03|25P03|25006|58030)/;
const TRANSIENT_SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);
/** Errors that pg and pg-pool make without a code; their texts are all there is. */
const TRANSIENT_TEXT =
  /Connection terminated|not queryable|timeout exceeded when trying to connect|Query read timeout|pool after calling end|Client was closed/;

/** Turns what drizzle, pg or the socket threw into a StoreError where there is one for it. */
export function toStoreError(error: unknown): unknown {
  const cause = error instanceof DrizzleQueryError ? error.cause : error;
  if (!(cause instanceof Error) || cause instanceof StoreError) return cause;
  if (cause instanceof DatabaseError && cause.code === UNIQUE_VIOLATION) {
    const field = FIELD_OF_CONSTRAINT[cause.constraint ?? ''];
    return new StoreError('conflict', 'a row with this value exists', {
      ...(field === undefined ? {} : { field }),
      cause,
    });
  }
  return isTransient(cause)
    ? new StoreError('unavailable', 'the database does not answer', { cause })
    : cause;
}

function isTransient(error: Error): boolean {
  if (error instanceof DatabaseError) return TRANSIENT.test(error.code ?? '');
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (TRANSIENT_SYSTEM_CODES.has(code) || TRANSIENT_TEXT.test(error.message)) return true;
  return (
    error instanceof AggregateError &&
    error.errors.some((inner) => inner instanceof Error && isTransient(inner))
  );
}

/** The same store, whose methods throw StoreErrors. */
export function withStoreErrors<T extends object>(store: T): T {
  return new Proxy(store, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]): Promise<unknown> => {
        try {
          return await Reflect.apply(member, target, args);
        } catch (error) {
          throw toStoreError(error);
        }
      };
    },
  });
}
