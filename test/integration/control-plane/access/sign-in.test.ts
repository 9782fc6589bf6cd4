/** Signing in, sessions and the own password, over the real database. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decodeValue } from '#contract';
import { Me } from '#web-api';
import { createPasswords } from '../../../../control-plane/access/passwords.ts';
import { auditOf, HOUR_MS, type Installation, originOf, signIn, startInstallation } from './installation.ts';

const PASSWORD = 'correct horse battery';
let installation: Installation;
let addresses = 0;
/** Another address for each test, so that the limits of one do not reach into the next. */
const freshOrigin = () => originOf(`198.51.100.${++addresses}`);

beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation?.stop());
afterEach(() => {
  installation.clock.aheadMs = 0;
});

async function personWithPassword(email: string, changes: { mustChangePassword?: boolean } = {}) {
  const passwordHash = await createPasswords(randomBytes).hash(PASSWORD);
  const { acme: org } = installation;
  return signIn(installation, { email, passwordHash, org, role: 'org_admin', ...changes });
}

describe('login', () => {
  it('opens a session that authenticates, whatever the case of the e-mail', async () => {
    const { controlPlane, database, acme } = installation;
    const { userId } = await personWithPassword('ada@acme.example');
    const origin = freshOrigin();
    const done = await controlPlane.access.login({ email: ' ADA@acme.example', password: PASSWORD }, origin);
    expect(decodeValue(Me, done.me)).toMatchObject({ ok: true });
    expect(done.me).toMatchObject({ email: 'ada@acme.example', is_system_admin: false, actions: [] });
    expect(done.me.memberships).toMatchObject([{ organization_id: acme.id, role: 'org_admin' }]);
    expect(done.me.memberships[0]?.actions).toContain('device.delete');

    const person = await controlPlane.access.authenticate(done.sessionToken, origin);
    expect(person).toMatchObject({ userId, csrfToken: done.me.csrf_token });
    expect([...person.roles]).toEqual([[acme.id, 'org_admin']]);
    expect(await controlPlane.access.me(person)).toEqual(done.me);
    expect((await database.users.find(userId))?.lastLoginAt).not.toBeNull();
  });

  it('answers an unknown e-mail as a wrong password, and leaves one audit row for each', async () => {
    const { controlPlane, database } = installation;
    const { userId } = await personWithPassword('bob@acme.example');
    for (const email of ['bob@acme.example', 'nobody@acme.example']) {
      const attempt = controlPlane.access.login({ email, password: 'wrong wrong wrong' }, freshOrigin());
      await expect(attempt).rejects.toMatchObject({ code: 'auth.invalid_credentials', detail: undefined });
    }
    const known = await auditOf(database, { object: `user:${userId}` });
    expect(known).toMatchObject([
      { action: 'auth.login', outcome: 'refused', actor: 'person:bob@acme.example', orgId: null },
    ]);
    const unknown = await auditOf(database, { object: 'user:unknown' });
    expect(unknown).toMatchObject([
      { actor: 'person:nobody@acme.example', detail: { code: 'auth.invalid_credentials' } },
    ]);
    expect(JSON.stringify([known, unknown])).not.toContain('wrong wrong');
  });

  it('limits wrong passwords per address, counting those that run in parallel', async () => {
    const { controlPlane, clock } = installation;
    const origin = freshOrigin();
    const attempts = Array.from({ length: 12 }, (_, index) =>
      controlPlane.access.login({ email: `guess${index}@acme.example`, password: 'wrong' }, origin),
    );
    const results = await Promise.allSettled(attempts);
    const codes = results.map((result) => (result.status === 'rejected' ? result.reason.code : 'ok'));
    expect(codes.filter((code) => code === 'auth.invalid_credentials')).toHaveLength(5);
    expect(codes.filter((code) => code === 'rate.limited')).toHaveLength(7);

    clock.aheadMs = 61_000;
    const later = controlPlane.access.login({ email: 'guess@acme.example', password: 'wrong' }, origin);
    await expect(later).rejects.toMatchObject({ code: 'auth.invalid_credentials' });
  });

  it('limits wrong passwords per e-mail over many addresses, with the time to wait', async () => {
    const { controlPlane } = installation;
    await personWithPassword('carol@acme.example');
    const guess = () =>
      controlPlane.access.login({ email: 'carol@acme.example', password: 'wrong' }, freshOrigin());
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await expect(guess()).rejects.toMatchObject({ code: 'auth.invalid_credentials' });
    }
    const right = controlPlane.access.login(
      { email: 'Carol@acme.example', password: PASSWORD },
      freshOrigin(),
    );
    await expect(right).rejects.toMatchObject({
      code: 'rate.limited',
      retryAfterSeconds: expect.toSatisfy((seconds: number) => seconds > 50 && seconds <= 60),
    });
  });

  it('does not count sign-ins that succeed', async () => {
    const { controlPlane } = installation;
    await personWithPassword('dave@acme.example');
    const origin = freshOrigin();
    for (let attempt = 0; attempt < 7; attempt += 1) {
      await controlPlane.access.login({ email: 'dave@acme.example', password: PASSWORD }, origin);
    }
  });
});

describe('a session', () => {
  it('ends after 8 hours without use and after 24 hours in all', async () => {
    const { controlPlane, clock } = installation;
    await personWithPassword('erin@acme.example');
    const origin = freshOrigin();
    const login = () => controlPlane.access.login({ email: 'erin@acme.example', password: PASSWORD }, origin);
    const idle = await login();
    const used = await login();
    for (const hours of [7, 14, 21, 23.9]) {
      clock.aheadMs = hours * HOUR_MS;
      await controlPlane.access.authenticate(used.sessionToken, origin);
    }
    await expect(controlPlane.access.authenticate(idle.sessionToken, origin)).rejects.toMatchObject({
      code: 'auth.required',
    });
    clock.aheadMs = 24.01 * HOUR_MS;
    await expect(controlPlane.access.authenticate(used.sessionToken, origin)).rejects.toMatchObject({
      code: 'auth.required',
    });
  });

  it.each(['', 'x'.repeat(43), '../../etc/passwd', "' OR 1=1 --"])(
    'is not opened by the token %j',
    async (token) => {
      const attempt = installation.controlPlane.access.authenticate(token, freshOrigin());
      await expect(attempt).rejects.toMatchObject({ code: 'auth.required' });
    },
  );

  it('ends with logout, which leaves one audit row', async () => {
    const { controlPlane, database } = installation;
    const person = await personWithPassword('frank@acme.example');
    await controlPlane.access.logout(person);
    await expect(controlPlane.access.me(person)).rejects.toMatchObject({ code: 'auth.required' });
    expect(await auditOf(database, { object: `user:${person.userId}` })).toMatchObject([
      { action: 'auth.logout', outcome: 'success' },
    ]);
  });
});

describe('changePassword', () => {
  it('ends every other session, keeps this one and lifts the duty to change', async () => {
    const { controlPlane, database } = installation;
    const email = 'grace@acme.example';
    const other = await personWithPassword(email, { mustChangePassword: true });
    const origin = freshOrigin();
    const { sessionToken, me } = await controlPlane.access.login({ email, password: PASSWORD }, origin);
    expect(me.must_change_password).toBe(true);
    const person = await controlPlane.access.authenticate(sessionToken, origin);
    await expect(controlPlane.fleet.list(person, {})).rejects.toMatchObject({
      code: 'auth.password_change_required',
    });

    await controlPlane.access.changePassword(person, {
      current_password: PASSWORD,
      new_password: 'a longer horse battery',
    });
    await expect(controlPlane.access.me(other)).rejects.toMatchObject({ code: 'auth.required' });
    const changed = await controlPlane.access.authenticate(sessionToken, origin);
    expect((await controlPlane.fleet.list(changed, {})).items).toEqual([]);
    await expect(controlPlane.access.login({ email, password: PASSWORD }, origin)).rejects.toMatchObject({
      code: 'auth.invalid_credentials',
    });
    await controlPlane.access.login({ email, password: 'a longer horse battery' }, origin);

    const rows = await auditOf(database, { object: `user:${person.userId}` });
    expect(rows.filter(({ action }) => action === 'auth.password')).toMatchObject([
      { outcome: 'success', detail: { sessions_ended: 1 } },
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/horse|scrypt/);
  });

  it('refuses a wrong present password and an unchanged one, with one audit row each', async () => {
    const { controlPlane, database } = installation;
    const person = await personWithPassword('heidi@acme.example');
    const change = (current_password: string, new_password: string) =>
      controlPlane.access.changePassword(person, { current_password, new_password });
    await expect(change('wrong', 'another long password')).rejects.toMatchObject({
      code: 'auth.invalid_credentials',
    });
    await expect(change(PASSWORD, PASSWORD)).rejects.toMatchObject({ code: 'auth.password_unchanged' });
    expect(await auditOf(database, { object: `user:${person.userId}` })).toMatchObject([
      { action: 'auth.password', outcome: 'refused', detail: { code: 'auth.password_unchanged' } },
      { action: 'auth.password', outcome: 'refused', detail: { code: 'auth.invalid_credentials' } },
    ]);
  });
});
