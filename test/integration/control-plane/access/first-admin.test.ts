/** The first start on an empty database. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureFirstAdmin } from '../../../../control-plane/access/first-admin.ts';
import { createPasswords } from '../../../../control-plane/access/passwords.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { auditOf } from './installation.ts';

let test: TestDatabase;
beforeEach(async () => {
  test = await createTestDatabase();
});
afterEach(() => test?.drop());

const passwords = createPasswords(randomBytes);

describe('ensureFirstAdmin', () => {
  it('makes a system admin with a one-time password and the first organisation, once', async () => {
    const input = { email: 'Admin@localhost.local', password: null, random: randomBytes };
    const first = await ensureFirstAdmin(test.database, input);
    expect(first).toMatchObject({ created: true, email: 'admin@localhost.local' });
    expect(first.oneTimePassword).toMatch(/^[0-9A-Za-z]{20}$/);
    const user = await test.database.users.findByEmail(first.email);
    expect(user).toMatchObject({ isSystemAdmin: true, mustChangePassword: true });
    expect(await passwords.verify(first.oneTimePassword ?? '', user?.passwordHash ?? null)).toBe(true);
    expect(await test.database.organizations.find(first.organizationId)).toMatchObject({
      slug: 'default',
      name: 'Default',
    });
    expect(JSON.stringify(await auditOf(test.database))).not.toContain(first.oneTimePassword);

    const second = await ensureFirstAdmin(test.database, input);
    expect(second).toEqual({ ...first, created: false, oneTimePassword: null });
    expect(await test.database.users.count()).toBe(1);
  });

  it('keeps a given password and asks for no change', async () => {
    const input = { email: 'root@example.org', password: 'given by the operator', random: randomBytes };
    expect(await ensureFirstAdmin(test.database, input)).toMatchObject({
      created: true,
      oneTimePassword: null,
    });
    const user = await test.database.users.findByEmail(input.email);
    expect(user?.mustChangePassword).toBe(false);
    expect(await passwords.verify(input.password, user?.passwordHash ?? null)).toBe(true);
  });

  it('makes one admin where two processes start together', async () => {
    const input = { email: 'root@example.org', password: null, random: randomBytes };
    const results = await Promise.all([1, 2].map(() => ensureFirstAdmin(test.database, input)));
    expect(results.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(results.map(({ organizationId }) => organizationId)).size).toBe(1);
  });

  it('uses the organisation that is there', async () => {
    const acme = await test.database.organizations.create({ slug: 'acme', name: 'Acme' });
    const input = { email: 'root@example.org', password: null, random: randomBytes };
    expect(await ensureFirstAdmin(test.database, input)).toMatchObject({ organizationId: acme.id });
  });
});
