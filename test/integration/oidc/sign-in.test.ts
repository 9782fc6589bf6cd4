/** Signing in by an identity provider, over real sockets, against a certified OpenID Provider with Keycloak's claims. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openProvider } from '../../../control-plane/oidc/provider.ts';
import { checkSessions } from '../../../control-plane/oidc/session-checks.ts';
import type { RealmPerson } from '../../support/identity-provider.ts';
import { cookieOf, type ProviderStack, startProviderStack } from '../../support/provider-stack.ts';

const ADA: RealmPerson = {
  subject: 'sub-ada',
  username: 'ada',
  email: 'Ada@Example.com',
  emailVerified: true,
  name: 'Ada Lovelace',
  realmRoles: ['operator'],
  organization: ['acme', 'unheard-of'],
};
const EVE: RealmPerson = {
  subject: 'sub-eve',
  username: 'eve',
  email: 'root@example.com',
  emailVerified: true,
  clientRoles: ['auditor'],
  organization: { globex: { id: '1' } },
};
const IDA: RealmPerson = { subject: 'sub-ida', username: 'ida', groups: ['/orgs/acme/org_admin'] };
const NOBODY: RealmPerson = { subject: 'sub-nobody', username: 'nobody', realmRoles: ['operator'] };
const CHIEF: RealmPerson = { subject: 'sub-chief', username: 'chief', realmRoles: ['fleet-chief'] };
const MAX: RealmPerson = {
  subject: 'sub-max',
  username: 'max',
  email: 'max@example.com',
  emailVerified: true,
  realmRoles: ['org_member'],
  organization: ['acme'],
};
const PAUL: RealmPerson = { ...MAX, subject: 'sub-paul', username: 'paul', email: 'paul@example.com' };

let stack: ProviderStack;
let acme: string;
let globex: string;

const me = (cookie: string) =>
  stack.web.call(`${stack.consoleOrigin}/api/v1/auth/me`, { headers: { cookie } });
const auditOf = async (action: string) =>
  (await stack.database.audit.list(null, {}, { limit: 500 })).items.filter(
    (entry) => entry.action === action,
  );
/** Time that a session check sees; the sessions themselves live by the real clock. */
const checkAt = (at: Date) => {
  const ignore = () => undefined;
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const now = () => at;
  const provider = openProvider(stack.options, { log, now: () => new Date() });
  return checkSessions({
    ...stack,
    provider,
    log,
    now,
    random: (size) => new Uint8Array(size),
    sessionLimits: { idleMs: 3_600_000, lifeMs: 3_600_000 },
  });
};

beforeAll(async () => {
  stack = await startProviderStack({
    people: [ADA, EVE, IDA, NOBODY, CHIEF, MAX, PAUL],
    settings: { oidcSystemAdminRole: 'fleet-chief' },
    backChannel: true,
  });
  acme = (await stack.database.organizations.create({ slug: 'acme', name: 'Acme' })).id;
  globex = (await stack.database.organizations.create({ slug: 'globex', name: 'Globex' })).id;
});
afterAll(() => stack.stop());

describe('a sign-in by the identity provider', () => {
  it('ends at the page that was asked for, with a session and the roles of the realm', async () => {
    const begun = await stack.begin('/admin/edge/devices?status=online');
    const answer = await stack.finish(await stack.idp.signIn(begun.url, 'ada'), begun.cookie);
    expect([answer.status, answer.headers.location]).toEqual([303, '/admin/edge/devices?status=online']);
    const cookies = answer.headers['set-cookie'] ?? [];
    expect(cookies.find((one) => one.startsWith('edge_session='))).toMatch(/HttpOnly; SameSite=Lax/);
    expect(cookies.find((one) => one.startsWith('edge_oidc='))).toMatch(
      /^edge_oidc=;.*Expires=Thu, 01 Jan 1970/,
    );
    const session = await me(cookieOf(answer, 'edge_session') ?? '');
    expect(session.json()).toMatchObject({
      email: 'ada@example.com',
      name: 'Ada Lovelace',
      is_system_admin: false,
      must_change_password: false,
      memberships: [{ organization_id: acme, role: 'operator' }],
    });
  });

  it('leaves one row in the audit log, and one in that of each organisation whose membership changed', async () => {
    await stack.signIn('max');
    const rows = (await auditOf('auth.oidc.login')).filter(({ actor }) => actor === 'person:max@example.com');
    expect(rows).toMatchObject([
      {
        outcome: 'success',
        orgId: null,
        detail: { issuer: stack.idp.issuer, subject: 'sub-max', created: true },
      },
    ]);
    const changes = (await auditOf('member.provider')).filter(({ object }) => object === rows[0]?.object);
    expect(changes).toMatchObject([
      { orgId: acme, detail: { before: { role: null }, after: { role: 'org_member' } } },
    ]);
    expect(JSON.stringify(await stack.database.audit.list(null, {}, { limit: 500 }))).not.toContain(
      stack.idp.clientSecret,
    );
  });

  it('does not take over a local account of the same e-mail', async () => {
    const rootId = await stack.addUser({ email: 'root@example.com', isSystemAdmin: true });
    const eve = await stack.signIn('eve');
    expect(eve.me).toMatchObject({
      is_system_admin: false,
      memberships: [{ organization_id: globex, role: 'auditor' }],
    });
    expect(eve.me.user_id).not.toBe(rootId);
    expect((await stack.database.users.findByEmail('root@example.com'))?.id).toBe(rootId);
  });

  it('takes roles from groups, and makes system admins by the one role that says so', async () => {
    expect((await stack.signIn('ida')).me).toMatchObject({
      email: 'ida',
      memberships: [{ organization_id: acme, role: 'org_admin' }],
    });
    expect((await stack.signIn('chief')).me).toMatchObject({ is_system_admin: true });
    stack.idp.people.set('chief', { ...CHIEF, realmRoles: ['org_member'], organization: ['acme'] });
    expect((await stack.signIn('chief')).me).toMatchObject({ is_system_admin: false });
  });

  it('replaces what the provider gave and keeps what was given here', async () => {
    const userId = String((await stack.signIn('paul')).me.user_id);
    await stack.database.users.addMember(globex, userId, 'auditor');
    stack.idp.people.set('paul', { ...PAUL, realmRoles: ['org_admin'], organization: ['acme', 'globex'] });
    const roles = (memberships: unknown) =>
      (memberships as { organization_id: string; role: string }[]).map((one) => [
        one.organization_id,
        one.role,
      ]);
    expect(roles((await stack.signIn('paul')).me.memberships)).toEqual([
      [acme, 'org_admin'],
      [globex, 'auditor'],
    ]);
    stack.idp.people.set('paul', { ...PAUL, organization: [] });
    expect(roles((await stack.signIn('paul')).me.memberships)).toEqual([[globex, 'auditor']]);
  });

  it('refuses who has no role here, makes no account, and takes the roles of who lost them', async () => {
    const begun = await stack.begin();
    const answer = await stack.finish(await stack.idp.signIn(begun.url, 'nobody'), begun.cookie);
    expect([answer.status, answer.json()]).toMatchObject([403, { code: 'auth.oidc_no_access' }]);
    const identity = { issuer: stack.idp.issuer, subject: 'sub-nobody' };
    expect(await stack.database.identities.find(identity)).toBeNull();
    const max = await stack.signIn('max');
    stack.idp.people.set('max', { ...MAX, organization: [] });
    await expect(stack.signIn('max')).rejects.toThrow('auth.oidc_no_access');
    expect(await stack.database.users.memberships(String(max.me.user_id))).toEqual([]);
    stack.idp.people.set('max', MAX);
  });

  it('refuses a disabled account', async () => {
    const { me: facts } = await stack.signIn('max');
    await stack.database.accounts.update(String(facts.user_id), { disabled: true });
    await expect(stack.signIn('max')).rejects.toThrow('auth.oidc_refused');
    await stack.database.accounts.update(String(facts.user_id), { disabled: false });
  });

  it('never answers to a password', async () => {
    await stack.signIn('ada');
    const answer = await stack.web.call(`${stack.consoleOrigin}/api/v1/auth/login`, {
      method: 'POST',
      body: { email: 'ada@example.com', password: '' },
    });
    expect(answer.status).toBe(400);
    const guess = await stack.web.call(`${stack.consoleOrigin}/api/v1/auth/login`, {
      method: 'POST',
      body: { email: 'ada@example.com', password: 'correct horse battery' },
    });
    expect([guess.status, guess.json()]).toMatchObject([401, { code: 'auth.invalid_credentials' }]);
  });
});

describe('the end of a session', () => {
  const post = (logoutToken: string) =>
    fetch(`${stack.consoleOrigin}/api/v1/auth/oidc/backchannel-logout`, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: logoutToken }),
    });

  it('comes at once by the provider’s back channel, for that session alone', async () => {
    const [first, second] = [await stack.signIn('ada'), await stack.signIn('ada')];
    const [older, newer] = stack.idp.sessionsOf('sub-ada').slice(-2);
    expect([(await me(first.cookie)).status, (await me(second.cookie)).status]).toEqual([200, 200]);
    await stack.idp.endSession('sub-ada', older ?? '', true);
    expect([(await me(first.cookie)).status, (await me(second.cookie)).status]).toEqual([401, 200]);
    expect((await post(await stack.idp.logoutToken({ sid: newer }))).status).toBe(204);
    expect((await me(second.cookie)).status).toBe(401);
    const rows = (await auditOf('auth.oidc.logout')).map(({ outcome, detail }) => ({ outcome, detail }));
    expect(rows[0]).toMatchObject({ outcome: 'success', detail: { sessions_ended: 1 } });
  });

  it('takes all sessions of a person where the provider names the person alone', async () => {
    const [first, second] = [await stack.signIn('ada'), await stack.signIn('ada')];
    const other = await stack.signIn('eve');
    expect((await post(await stack.idp.logoutToken({ sub: 'sub-ada' }))).status).toBe(204);
    expect([(await me(first.cookie)).status, (await me(second.cookie)).status]).toEqual([401, 401]);
    expect((await me(other.cookie)).status).toBe(200);
  });

  it('is found by asking where no logout token came, and takes new roles over', async () => {
    const [gone, stays] = [await stack.signIn('ada'), await stack.signIn('max')];
    const late = new Date(Date.now() + 6 * 60_000);
    await stack.idp.endSession('sub-ada', stack.idp.sessionsOf('sub-ada').at(-1) ?? '', false);
    expect(await checkAt(new Date())).toBe(0);
    await stack.idp.down();
    expect(await checkAt(late)).toBe(0);
    expect((await me(gone.cookie)).status).toBe(200);
    await stack.idp.up();
    stack.idp.people.set('max', { ...MAX, realmRoles: ['auditor'] });
    await stack.markUsed(new Date(late.getTime() - 1000));
    expect(await checkAt(late)).toBeGreaterThanOrEqual(1);
    expect([(await me(gone.cookie)).status, (await me(stays.cookie)).status]).toEqual([401, 200]);
    expect((await me(stays.cookie)).json()).toMatchObject({ memberships: [{ role: 'auditor' }] });
    stack.idp.people.set('max', MAX);
  });

  it('leads to the provider’s own page for signing out', async () => {
    const browser = await stack.signIn('ada');
    const answer = await stack.web.call(`${stack.consoleOrigin}/api/v1/auth/oidc/logout`, {
      method: 'POST',
      headers: { cookie: browser.cookie, 'x-csrf-token': browser.csrfToken },
    });
    const { logout_url: url } = answer.json() as { logout_url: string };
    expect(answer.status).toBe(200);
    expect(url.split('?')[0]).toBe(`${stack.idp.issuer}/protocol/openid-connect/logout`);
    expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
      client_id: 'ops-center-edge',
      post_logout_redirect_uri: `${stack.consoleOrigin}/login`,
    });
    expect((await me(browser.cookie)).status).toBe(401);
  });
});

describe('while the provider is away', () => {
  it('sessions go on, and new sign-ins are answered clearly', async () => {
    const browser = await stack.signIn('ada');
    const begun = await stack.begin();
    const callback = await stack.idp.signIn(begun.url, 'ada');
    await stack.idp.down();
    expect((await me(browser.cookie)).status).toBe(200);
    const late = await stack.finish(callback, begun.cookie);
    expect([late.status, late.json()]).toMatchObject([503, { code: 'auth.oidc_unavailable' }]);
    await stack.idp.up();
    expect((await stack.signIn('ada')).me).toMatchObject({ email: 'ada@example.com' });
  });
});
