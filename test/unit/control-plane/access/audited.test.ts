/** What becomes of the audit row when things go wrong. */
import { describe, expect, it } from 'vitest';
import { type NewAuditEntry, StoreError } from '#db';
import { withStoreErrors } from '../../../../control-plane/access/store-failure.ts';
import { type AuditDraft, auditedOutside } from '../../../../control-plane/audit/audited.ts';
import { AppError } from '../../../../control-plane/errors.ts';

const draft = (): AuditDraft => ({
  actor: 'person:a@example.org',
  ipAddress: null,
  action: 'device.update',
  object: 'device:1',
  orgId: 'org-1',
  detail: { asked: 'much' },
});

function auditDeps(append: (entry: NewAuditEntry) => Promise<void>) {
  const errors: object[] = [];
  const ignore = () => undefined;
  const log = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields: object) => void errors.push(fields),
  };
  const audit = { append };
  const transaction = () => Promise.reject(new Error('no transaction here'));
  return { errors, deps: { database: { audit, transaction }, log } };
}

async function outcomeOf(error: unknown) {
  const rows: NewAuditEntry[] = [];
  const { deps } = auditDeps(async (entry) => void rows.push(entry));
  const thrown = await auditedOutside(deps, draft(), () => Promise.reject(error)).catch(
    (caught: unknown) => caught,
  );
  return { rows, thrown };
}

describe('auditedOutside', () => {
  it.each([
    ['refused', new AppError('auth.forbidden'), 'auth.forbidden'],
    ['refused', new StoreError('conflict', 'taken', { field: 'slug' }), 'organization.slug_taken'],
    ['failed', new StoreError('unavailable', 'gone'), 'service.unavailable'],
    ['failed', new Error('password=hunter2'), 'internal'],
  ])('says %s of %s, by its code alone', async (outcome, error, code) => {
    const { rows } = await outcomeOf(error);
    expect(rows).toEqual([
      { ...draft(), attemptId: expect.any(String), outcome, detail: { asked: 'much', code } },
    ]);
  });

  it('throws what the caller must meet: its own kind of error, or the bug as it is', async () => {
    expect((await outcomeOf(new StoreError('unavailable', 'gone'))).thrown).toMatchObject({
      code: 'service.unavailable',
    });
    const bug = new Error('bug');
    expect((await outcomeOf(bug)).thrown).toBe(bug);
  });

  it('logs the row that it could not write, and still throws the first error', async () => {
    const { deps, errors } = auditDeps(() => Promise.reject(new Error('disk full')));
    await expect(
      auditedOutside(deps, draft(), () => Promise.reject(new AppError('device.not_found'))),
    ).rejects.toMatchObject({ code: 'device.not_found' });
    expect(errors).toMatchObject([{ action: 'device.update', object: 'device:1', code: 'device.not_found' }]);
  });
});

describe('withStoreErrors', () => {
  const useCases = withStoreErrors({
    fails: async (error: unknown): Promise<string> => Promise.reject(error),
    works: async (text: string): Promise<string> => text,
  });

  it.each([
    [new StoreError('cursor_invalid', 'x'), 'request.cursor_invalid'],
    [new StoreError('unavailable', 'x'), 'service.unavailable'],
    [new StoreError('conflict', 'x', { field: 'device_name' }), 'device.name_taken'],
    [new StoreError('conflict', 'x', { field: 'hardware_id' }), 'enrollment.hardware_known'],
    [new StoreError('conflict', 'x', { field: 'user_id' }), 'member.exists'],
    [new StoreError('conflict', 'x', { field: 'email' }), 'member.exists'],
    [new StoreError('conflict', 'x', { field: 'name' }), 'integrator.name_taken'],
  ])('turns %s into a code', async (error, code) => {
    await expect(useCases.fails(error)).rejects.toMatchObject({ name: 'AppError', code });
  });

  it('leaves results and unknown conflicts as they are', async () => {
    expect(await useCases.works('result')).toBe('result');
    const unknown = new StoreError('conflict', 'x', { field: 'token_hash' });
    await expect(useCases.fails(unknown)).rejects.toBe(unknown);
  });
});
