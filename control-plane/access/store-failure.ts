/** The one place where errors of the database room become errors that a caller may see. */
import { StoreError } from '#db';
import { AppError, type ErrorCode } from '../errors.ts';

/** Unique field of a conflict → what the caller is told. */
const CONFLICTS: Readonly<Record<string, ErrorCode>> = {
  slug: 'organization.slug_taken',
  email: 'member.exists',
  user_id: 'member.exists',
  device_name: 'device.name_taken',
  hardware_id: 'enrollment.hardware_known',
  name: 'integrator.name_taken',
  service_account: 'service_account.name_taken',
  secrets: 'secret.too_many',
  group_name: 'group.name_taken',
};

/** AppError where the caller can act on it; everything else comes back as it is: a bug or a broken part of ours. */
export function toAppError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  switch (error.code) {
    case 'cursor_invalid':
      return new AppError('request.cursor_invalid', { cause: error });
    case 'invalid':
      return new AppError('request.invalid', {
        errors: [{ path: error.field ?? 'request', message: error.message }],
        cause: error,
      });
    case 'unavailable':
      return new AppError('service.unavailable', { cause: error });
    case 'conflict': {
      const code = CONFLICTS[error.field ?? ''];
      return code === undefined ? error : new AppError(code, { cause: error });
    }
  }
}

/** The same use cases, whose rejections have passed `toAppError`. */
export function withStoreErrors<T extends object>(useCases: T): T {
  const wrapped = Object.entries(useCases).map(([name, value]) => {
    if (typeof value !== 'function') return [name, value];
    const guarded = async (...args: unknown[]): Promise<unknown> => {
      try {
        return await Reflect.apply(value, useCases, args);
      } catch (error) {
        throw toAppError(error);
      }
    };
    return [name, guarded];
  });
  return Object.fromEntries(wrapped) as T;
}
