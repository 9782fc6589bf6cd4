/** Bearer access tokens of the identity provider on the API, its key rotation, and accounts linked by e-mail. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RealmPerson } from '../../support/identity-provider.ts';
import { type ProviderStack, startProviderStack } from '../../support/provider-stack.ts';

const ROBOT: RealmPerson = {
  subject: 'sub-robot',
  username: 'service-account-robot',
  realmRoles: ['operator'],
  organization: { acme: { id: '7' } },
};
const JANE: RealmPerson = {
  subject: 'sub-jane',
  username: 'jane',
  email: 'jane@example.com',
  emailVerified: true,
  organization: ['acme'],
  realmRoles: ['org_member'],
};

let stack: ProviderStack;
let acme: string;
let globex: string;

const list = (token: string, path = '/api/v1/admin/organizations') =>
  stack.web.call(`${stack.consoleOrigin}${path}`, { headers: { authorization: `Bearer ${token}` } });

beforeAll(async () => {
  stack = await startProviderStack({
    people: [ROBOT, JANE, { ...JANE, subject: 'sub-boss', username: 'boss', email: 'boss@example.com' }],
    settings: { oidcLinkByEmail: true },
  });
  acme = (await stack.database.organizations.create({ slug: 'acme', name: 'Acme' })).id;
  globex = (await stack.database.organizations.create({ slug: 'globex', name: 'Globex' })).id;
});
afterAll(() => stack.stop());

describe('an access token', () => {
  it('opens the API with the roles that it holds, and needs no CSRF token', async () => {
    const token = await stack.idp.accessToken('service-account-robot');
    expect((await list(token)).json()).toMatchObject({ items: [{ id: acme }], total: 1 });
    expect((await list(token, `/api/v1/admin/organizations/${globex}`)).status).toBe(404);
    const created = await stack.web.call(`${stack.consoleOrigin}/api/v1/admin/edge/registration-tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: { organization_id: acme, max_uses: 1 },
    });
    expect(created.status).toBe(201);
    const renamed = await stack.web.call(`${stack.consoleOrigin}/api/v1/admin/organizations/${acme}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}` },
      body: { name: 'Mine' },
    });
    expect(renamed.status).toBe(403);
  });

  it('makes one account with one row, also where two first requests meet', async () => {
    stack.idp.people.set('twin', { ...ROBOT, subject: 'sub-twin', username: 'twin' });
    const token = await stack.idp.accessToken('twin');
    const answers = await Promise.all([list(token), list(token), list(token)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const { items } = await stack.database.audit.list(null, {}, { limit: 500 });
    const rows = items.filter(
      ({ action, actor, outcome }) =>
        action === 'auth.oidc.first_token' && actor === 'person:twin' && outcome === 'success',
    );
    expect(rows).toHaveLength(1);
  });

  it('gives what it says, not what an earlier one said, and writes no membership', async () => {
    await list(await stack.idp.accessToken('service-account-robot'));
    const narrow = await stack.idp.accessToken('service-account-robot', { organization: ['globex'] });
    expect((await list(narrow)).json()).toMatchObject({ items: [{ id: globex }], total: 1 });
    const none = await stack.idp.accessToken('service-account-robot', { organization: [] });
    expect([(await list(none)).status, (await list(none)).json()]).toMatchObject([
      403,
      { code: 'auth.oidc_no_access' },
    ]);
  });

  it('stops with its account at once', async () => {
    const token = await stack.idp.accessToken('service-account-robot');
    expect((await list(token)).status).toBe(200);
    const user = await stack.database.identities.find({ issuer: stack.idp.issuer, subject: 'sub-robot' });
    await stack.database.accounts.update(user?.id ?? '', { disabled: true });
    expect((await list(token)).status).toBe(401);
    await stack.database.accounts.update(user?.id ?? '', { disabled: false });
    expect((await list(token)).status).toBe(200);
  });
});

describe('a new key of the provider', () => {
  it('logs nobody out, signs in at once, and ends what the old one signed', async () => {
    const browser = await stack.signIn('jane');
    const old = await stack.idp.accessToken('service-account-robot', { jti: 'before' });
    await stack.idp.rotateKeys();
    const me = await stack.web.call(`${stack.consoleOrigin}/api/v1/auth/me`, {
      headers: { cookie: browser.cookie },
    });
    expect(me.status).toBe(200);
    expect((await stack.signIn('jane')).me).toMatchObject({ email: 'jane@example.com' });
    expect((await list(await stack.idp.accessToken('service-account-robot'))).status).toBe(200);
    expect((await list(old)).status).toBe(401);
  });
});

describe('an account linked by e-mail', () => {
  it('passes to the provider’s person, and answers to its password no more', async () => {
    stack.idp.people.set('joe', { ...JANE, subject: 'sub-joe', username: 'joe', email: 'joe@example.com' });
    const localId = await stack.addUser({ email: 'joe@example.com' });
    expect((await stack.signIn('joe')).me.user_id).toBe(localId);
    expect(await stack.database.users.findByEmail('joe@example.com')).toBeNull();
  });

  it('is never a system admin’s', async () => {
    const bossId = await stack.addUser({ email: 'boss@example.com', isSystemAdmin: true });
    const { me } = await stack.signIn('boss');
    expect(me.user_id).not.toBe(bossId);
    expect(me.is_system_admin).toBe(false);
  });

  it('needs an e-mail that the provider verified', async () => {
    const kimId = await stack.addUser({ email: 'kim@example.com' });
    const kim = {
      ...JANE,
      subject: 'sub-kim',
      username: 'kim',
      email: 'kim@example.com',
      emailVerified: false,
    };
    stack.idp.people.set('kim', kim);
    expect((await stack.signIn('kim')).me.user_id).not.toBe(kimId);
  });
});
