import { DrizzleQueryError } from 'drizzle-orm';
import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import { StoreError, toStoreError, withStoreErrors } from '../../../../db/stores/store-error.ts';

function pgError(code: string, constraint?: string): DatabaseError {
  const error = new DatabaseError('from the server', 10, 'error');
  error.code = code;
  error.constraint = constraint;
  return error;
}

describe('toStoreError', () => {
  it.each([
    ['edge_devices_name_key', 'device_name'],
    ['edge_devices_hardware_key', 'hardware_id'],
    ['users_email_key', 'email'],
    ['some_other_key', null],
  ])('names the field of the constraint %s', (constraint, field) => {
    expect(toStoreError(pgError('23505', constraint))).toMatchObject({ code: 'conflict', field });
  });

  it.each(['08006', '57P01', '57P03', '57014', '53300', '53100', '40001', '40P01', '25006'])(
    'takes SQLSTATE %s as unavailable',
    (code) => expect(toStoreError(pgError(code))).toMatchObject({ code: 'unavailable' }),
  );

  it.each([
    Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
    Object.assign(new Error('read'), { code: 'ECONNRESET' }),
    new Error('Connection terminated unexpectedly'),
    new Error('timeout exceeded when trying to connect'),
    new AggregateError([Object.assign(new Error('connect ::1'), { code: 'ECONNREFUSED' })]),
  ])('takes a lost connection as unavailable: %s', (error) => {
    expect(toStoreError(error)).toMatchObject({ code: 'unavailable', cause: error });
  });

  it('looks through the wrapping of drizzle', () => {
    const wrapped = new DrizzleQueryError('INSERT …', [], pgError('23505', 'organizations_slug_key'));
    expect(toStoreError(wrapped)).toMatchObject({ code: 'conflict', field: 'slug' });
  });

  it.each([pgError('23503'), pgError('42601'), new TypeError('our bug'), new StoreError('conflict', 'x')])(
    'passes what the caller cannot act on: %s',
    (error) => expect(toStoreError(error)).toBe(error),
  );
});

describe('withStoreErrors', () => {
  it('maps what its methods throw, and passes what they return', async () => {
    const store = withStoreErrors({
      find: async (id: string) => `found ${id}`,
      create: async (): Promise<void> => {
        throw pgError('23505', 'users_email_key');
      },
    });
    expect(await store.find('a')).toBe('found a');
    await expect(store.create()).rejects.toMatchObject({ code: 'conflict', field: 'email' });
  });
});
