/** Second factor, own sessions, API keys and service accounts, over the real database. */
import { randomBytes, randomUUID } from 'node:crypto';
import { TOTP } from 'otpauth';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Person } from '#control-plane';
import { createPasswords } from '../../../../control-plane/access/passwords.ts';
import { auditOf, type Installation, originOf, signIn, startInstallation } from './installation.ts';

const PASSWORD = 'correct horse battery';
const DAY_MS = 86_400_000;
let installation: Installation;
let passwordHash: string;
let count = 0;
const freshOrigin = () => originOf(`203.0.113.${++count}`);

beforeAll(async () => {
  installation = await startInstallation();
  passwordHash = await createPasswords(randomBytes).hash(PASSWORD);
});
afterAll(() => installation?.stop());
afterEach(() => {
  installation.clock.aheadMs = 0;
});

const someone = (role: 'org_admin' | 'org_member' = 'org_admin') =>
  signIn(installation, { email: `p${++count}@acme.example`, passwordHash, org: installation.acme, role });
const login = (email: string, code?: string) =>
  installation.controlPlane.access.login(
    { email, password: PASSWORD, ...(code === undefined ? {} : { code }) },
    freshOrigin(),
  );
const codeAt = (secret: string, aheadMs = 0) =>
  new TOTP({ secret }).generate({ timestamp: Date.now() + aheadMs });

async function withSecondFactor() {
  const { credentials } = installation.controlPlane;
  const person = await someone();
  const { secret } = await credentials.beginSecondFactor(person, { current_password: PASSWORD });
  const { recovery_codes } = await credentials.confirmSecondFactor(person, { code: codeAt(secret) });
  return { person, secret, recovery: recovery_codes };
}

describe('a second factor', () => {
  it('is asked for once it is confirmed, and not before', async () => {
    const { controlPlane, database } = installation;
    const { credentials } = controlPlane;
    const person = await someone();
    const { secret } = await credentials.beginSecondFactor(person, { current_password: PASSWORD });
    expect((await login(person.email)).me.has_second_factor).toBe(false);
    await expect(credentials.confirmSecondFactor(person, { code: '000000' })).rejects.toMatchObject({
      code: 'auth.code_invalid',
    });
    const { recovery_codes } = await credentials.confirmSecondFactor(person, { code: codeAt(secret) });
    expect(recovery_codes).toHaveLength(10);
    await expect(login(person.email)).rejects.toMatchObject({ code: 'auth.totp_required' });
    installation.clock.aheadMs = 30_000;
    expect((await login(person.email, codeAt(secret, 30_000))).me.has_second_factor).toBe(true);

    const [stored] = [await database.secondFactors.find(person.userId)];
    expect(stored?.sealedSecret).not.toContain(secret);
    const rows = await auditOf(database, { object: `user:${person.userId}` });
    expect(rows.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'auth.login success',
      'auth.login refused',
      'auth.totp_enable success',
      'auth.totp_enable refused',
      'auth.login success',
      'auth.totp_begin success',
    ]);
    const told = JSON.stringify([rows, installation.logLines]);
    for (const text of [secret, ...recovery_codes, PASSWORD]) expect(told).not.toContain(text);
  });

  it('takes no code twice, of ten that come at once exactly one', async () => {
    const { person, secret } = await withSecondFactor();
    // The code that confirmed it is used up.
    await expect(login(person.email, codeAt(secret))).rejects.toMatchObject({ code: 'auth.code_invalid' });
    installation.clock.aheadMs = 30_000;
    const code = codeAt(secret, 30_000);
    const results = await Promise.allSettled([1, 2, 3].map(() => login(person.email, code)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('counts wrong codes like wrong passwords', async () => {
    const { person } = await withSecondFactor();
    const codes: string[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const refused = await login(person.email, '000000').catch((error: { code: string }) => error.code);
      codes.push(String(refused));
    }
    expect(codes).toEqual([...Array(5).fill('auth.code_invalid'), 'rate.limited']);
  });

  it('gives way to each recovery code once', async () => {
    const { person, recovery } = await withSecondFactor();
    const [code = ''] = recovery;
    await login(person.email, code.toLowerCase());
    await expect(login(person.email, code)).rejects.toMatchObject({ code: 'auth.code_invalid' });
    expect(await installation.controlPlane.credentials.secondFactor(person)).toMatchObject({
      enabled: true,
      recovery_codes_left: 9,
    });
  });

  it('is taken away with password and code, and by neither alone', async () => {
    const { credentials } = installation.controlPlane;
    const { person, recovery } = await withSecondFactor();
    const [first = '', second = ''] = recovery;
    const off = (current_password: string, code: string) =>
      credentials.disableSecondFactor(person, { current_password, code });
    await expect(off('wrong', first)).rejects.toMatchObject({ code: 'auth.invalid_credentials' });
    await expect(off(PASSWORD, '000000')).rejects.toMatchObject({ code: 'auth.code_invalid' });
    await off(PASSWORD, first);
    expect((await login(person.email)).me.has_second_factor).toBe(false);
    await expect(off(PASSWORD, second)).rejects.toMatchObject({ code: 'auth.code_invalid' });
  });

  it('shuts an organisation that asks for it to those who have none, at once', async () => {
    const { controlPlane, database, globex } = installation;
    const email = 'lax@globex.example';
    const before = await signIn(installation, { email, passwordHash, org: globex, role: 'org_admin' });
    const { version: _, updatedAt: __, ...security } = await database.organizationSecurity.get(globex.id);
    await database.organizationSecurity.replace(globex.id, 0, {
      ...{ ...security, requireTotp: true, updatedBy: 'test' },
    });
    const { sessionToken, me } = await login(email);
    expect(me).toMatchObject({
      must_enroll_second_factor: true,
      memberships: [{ barred_by: 'auth.totp_enrollment_required', actions: [] }],
    });
    const person = await controlPlane.access.authenticate(sessionToken, freshOrigin());
    const list = (who: Person) => controlPlane.fleet.list(who, { org_id: globex.id });
    await expect(list(person)).rejects.toMatchObject({ code: 'auth.totp_enrollment_required' });
    expect((await list(before)).items).toEqual([]);
    const { secret } = await controlPlane.credentials.beginSecondFactor(person, {
      current_password: PASSWORD,
    });
    await controlPlane.credentials.confirmSecondFactor(person, { code: codeAt(secret) });
    const enrolled = await controlPlane.access.authenticate(sessionToken, freshOrigin());
    expect((await list(enrolled)).items).toEqual([]);
  });
});

describe('own sessions', () => {
  it('are listed, and ended one by one or all others, never those of somebody else', async () => {
    const { credentials, access } = installation.controlPlane;
    const person = await someone();
    const other = await someone();
    await login(person.email);
    await login(person.email);
    const { items } = await credentials.listSessions(person, {});
    expect(items).toHaveLength(3);
    expect(items.filter(({ is_current }) => is_current)).toHaveLength(1);
    expect(JSON.stringify(items)).not.toContain(person.sessionTokenHash);
    const another = items.find(({ is_current }) => !is_current)?.id ?? '';
    for (const id of [another, randomUUID()]) {
      await expect(credentials.endSession(other, id)).rejects.toMatchObject({ code: 'session.not_found' });
    }
    await credentials.endSession(person, another);
    expect(await credentials.endOtherSessions(person)).toEqual({ ended: 1 });
    expect((await credentials.listSessions(person, {})).items).toHaveLength(1);
    await access.me(person);
  });

  it('idle out as early as one of the organisations asks for', async () => {
    const { access } = installation.controlPlane;
    const { database, clock } = installation;
    const strict = await database.organizations.create({ slug: 'strict', name: 'Strict' });
    const { version: _, updatedAt: __, ...security } = await database.organizationSecurity.get(strict.id);
    await database.organizationSecurity.replace(strict.id, 0, {
      ...{ ...security, sessionIdleMinutes: 10, updatedBy: 'test' },
    });
    await signIn(installation, {
      email: 'busy@strict.example',
      passwordHash,
      org: strict,
      role: 'org_admin',
    });
    const { sessionToken } = await login('busy@strict.example');
    for (const minutes of [9, 18]) {
      clock.aheadMs = minutes * 60_000;
      await access.authenticate(sessionToken, freshOrigin());
    }
    clock.aheadMs = 29 * 60_000;
    await expect(access.authenticate(sessionToken, freshOrigin())).rejects.toMatchObject({
      code: 'auth.required',
    });
  });
});

describe('an API key', () => {
  const keyOf = (person: Person, scopes: ['device.read'] | ['device.read', 'audit.read'] = ['device.read']) =>
    installation.controlPlane.credentials.createKey(person, { name: 'ci', scopes });
  const use = (key: string) => installation.controlPlane.access.authenticateKey(key, freshOrigin());

  it('opens what its scopes name and nothing else, and is stored as a hash', async () => {
    const { controlPlane, database, acme } = installation;
    const holder = await someone();
    const { key, prefix, id } = await keyOf(holder);
    const person = await use(key);
    expect(person).toMatchObject({ userId: holder.userId, apiKey: { id, prefix }, sessionTokenHash: '' });
    await controlPlane.fleet.list(person, { org_id: acme.id });
    await expect(controlPlane.enrollment.listTokens(person, {})).rejects.toMatchObject({
      code: 'auth.forbidden',
    });
    expect((await controlPlane.access.me(person)).memberships[0]?.actions).toEqual(['device.read']);
    const stored = await database.apiKeys.findByPrefix(prefix);
    expect(JSON.stringify(stored)).not.toContain(key);
    const rows = await auditOf(database, { object: `api_key:${id}` });
    expect(rows).toMatchObject([{ action: 'api_key.create', outcome: 'success' }]);
    expect(JSON.stringify([rows, installation.logLines])).not.toContain(key.slice(prefix.length + 1));
  });

  it('is no way to more: it makes no keys, ends no sessions, changes no password', async () => {
    const { credentials, access } = installation.controlPlane;
    const person = await use((await keyOf(await someone())).key);
    const attempts = [
      () => keyOf(person),
      () => credentials.revokeKey(person, randomUUID()),
      () => credentials.endOtherSessions(person),
      () => credentials.beginSecondFactor(person, { current_password: PASSWORD }),
      () =>
        credentials.createServiceAccount(person, installation.acme.id, { name: 'more', role: 'org_admin' }),
      () =>
        access.changePassword(person, { current_password: PASSWORD, new_password: 'another long password' }),
    ];
    const codes = await Promise.all(attempts.map((attempt) => attempt().then(String, ({ code }) => code)));
    expect(codes).toEqual([
      ...Array(4).fill('auth.session_required'),
      // Its scopes say no first.
      'auth.forbidden',
      'auth.session_required',
    ]);
  });

  it('has no scope that its holder lacks', async () => {
    const member = await someone('org_member');
    await expect(keyOf(member, ['device.read', 'audit.read'])).rejects.toMatchObject({
      code: 'request.invalid',
      errors: [{ path: 'scopes.1' }],
    });
  });

  it('ends when it expires, is revoked, its holder is disabled or leaves', async () => {
    const { controlPlane, database, clock, acme } = installation;
    const refused = (key: string) => expect(use(key)).rejects.toMatchObject({ code: 'auth.required' });
    const holder = await someone();
    const revoked = await keyOf(holder);
    const living = await keyOf(holder);
    await controlPlane.credentials.revokeKey(holder, revoked.id);
    await refused(revoked.key);
    clock.aheadMs = 91 * DAY_MS;
    await refused(living.key);
    clock.aheadMs = 0;
    await use(living.key);
    await database.users.removeMember(acme.id, holder.userId);
    const outside = await use(living.key);
    await expect(controlPlane.fleet.list(outside, { org_id: acme.id })).rejects.toMatchObject({
      code: 'organization.not_found',
    });
    const tampered = `${living.key.slice(0, -1)}${living.key.endsWith('a') ? 'b' : 'a'}`;
    await refused(tampered);
  });

  it('tells when it was used last, to the minute', async () => {
    const { controlPlane, clock } = installation;
    const holder = await someone();
    const { key } = await keyOf(holder);
    const lastUse = async () => (await controlPlane.credentials.listKeys(holder, {})).items[0]?.last_used_at;
    expect(await lastUse()).toBeNull();
    await use(key);
    const first = await lastUse();
    clock.aheadMs = 30_000;
    await use(key);
    expect(await lastUse()).toBe(first);
    clock.aheadMs = 61_000;
    await use(key);
    expect(await lastUse()).not.toBe(first);
  });

  it('lives no longer than the installation and the organisation allow', async () => {
    const { controlPlane, database, acme } = installation;
    const holder = await someone();
    const make = (expires_in_days: number) =>
      controlPlane.credentials.createKey(holder, { name: 'ci', scopes: ['device.read'], expires_in_days });
    await expect(make(366)).rejects.toMatchObject({ errors: [{ path: 'expires_in_days' }] });
    const { version, updatedAt: _, ...security } = await database.organizationSecurity.get(acme.id);
    const next = { ...security, updatedBy: 'test' };
    await database.organizationSecurity.replace(acme.id, version, { ...next, maxApiKeyDays: 7 });
    await expect(make(8)).rejects.toMatchObject({ errors: [{ path: 'expires_in_days' }] });
    const { expires_at } = await controlPlane.credentials.createKey(holder, {
      ...{ name: 'default', scopes: ['device.read'] },
    });
    expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(7 * DAY_MS);
    await database.organizationSecurity.replace(acme.id, version + 1, { ...next, maxApiKeyDays: null });
  });
});

describe('a service account', () => {
  it('works by its keys, as its role and scopes say, and cannot sign in', async () => {
    const { controlPlane, database, acme, acmeAdmin } = installation;
    const { credentials, access } = controlPlane;
    const account = await credentials.createServiceAccount(acmeAdmin, acme.id, {
      name: 'ci',
      role: 'operator',
    });
    const { key, id } = await credentials.createServiceAccountKey(acmeAdmin, acme.id, account.id, {
      ...{ name: 'github', scopes: ['device.read', 'token.write'] },
    });
    const robot = await access.authenticateKey(key, freshOrigin());
    expect(robot).toMatchObject({ userId: account.id, email: 'service:ci' });
    expect([...robot.roles]).toEqual([[acme.id, 'operator']]);
    await controlPlane.fleet.list(robot, {});
    await expect(login(`${account.id}@service.invalid`)).rejects.toMatchObject({
      code: 'auth.invalid_credentials',
    });
    expect(
      (await access.listMembers(acmeAdmin, acme.id, {})).items.map(({ user_id }) => user_id),
    ).not.toContain(account.id);
    await credentials.updateServiceAccount(acmeAdmin, acme.id, account.id, { role: 'org_member' });
    const demoted = await access.authenticateKey(key, freshOrigin());
    await expect(
      controlPlane.enrollment.createToken(demoted, { organization_id: acme.id, name: 'x' }),
    ).rejects.toMatchObject({ code: 'auth.forbidden' });
    expect((await credentials.listServiceAccounts(acmeAdmin, acme.id, {})).items).toMatchObject([
      { name: 'ci', key_count: 1, role: 'org_member' },
    ]);
    await credentials.revokeServiceAccountKey(acmeAdmin, acme.id, account.id, id);
    await expect(access.authenticateKey(key, freshOrigin())).rejects.toMatchObject({ code: 'auth.required' });
    await credentials.deleteServiceAccount(acmeAdmin, acme.id, account.id);
    expect(await database.users.find(account.id)).toBeNull();
  });

  it('is nothing that another organisation or a member may touch', async () => {
    const { controlPlane, acme, globex, acmeAdmin, acmeMember, globexAdmin } = installation;
    const { credentials } = controlPlane;
    const create = (person: Person, orgId: string, name: string) =>
      credentials.createServiceAccount(person, orgId, { name, role: 'operator' });
    const { id } = await create(acmeAdmin, acme.id, 'backup');
    await expect(create(acmeAdmin, acme.id, 'backup')).rejects.toMatchObject({
      code: 'service_account.name_taken',
    });
    await expect(create(acmeMember, acme.id, 'mine')).rejects.toMatchObject({ code: 'auth.forbidden' });
    await expect(create(globexAdmin, acme.id, 'mine')).rejects.toMatchObject({
      code: expect.stringMatching(/organization.not_found/),
    });
    for (const accountId of [id, randomUUID()]) {
      const attempt = credentials.deleteServiceAccount(acmeAdmin, globex.id, accountId);
      await expect(attempt).rejects.toMatchObject({ code: 'organization.not_found' });
    }
    await credentials.deleteServiceAccount(acmeAdmin, acme.id, id);
  });

  it('has no key with more than its role', async () => {
    const { controlPlane, acme, acmeAdmin } = installation;
    const { credentials } = controlPlane;
    const { id } = await credentials.createServiceAccount(acmeAdmin, acme.id, {
      ...{ name: 'reader', role: 'org_member' },
    });
    const attempt = credentials.createServiceAccountKey(acmeAdmin, acme.id, id, {
      ...{ name: 'k', scopes: ['device.delete'] },
    });
    await expect(attempt).rejects.toMatchObject({ errors: [{ path: 'scopes.0' }] });
  });
});
