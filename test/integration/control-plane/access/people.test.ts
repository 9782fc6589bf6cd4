/** Users, members, groups and security settings: who may change what, and what must never happen. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditOf, type Installation, startInstallation } from './installation.ts';
import { type Somebody, somebody } from './people.ts';

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation.stop());

const newOrg = () => {
  const slug = `org-${randomUUID().slice(0, 8)}`;
  return installation.database.organizations.create({ slug, name: slug });
};
const refused = (work: Promise<unknown>, code: string) => expect(work).rejects.toMatchObject({ code });

describe('users', () => {
  it('are listed for system admins alone, found by e-mail or name', async () => {
    const { controlPlane, systemAdmin, acmeAdmin } = installation;
    const { email, userId } = await somebody(installation, { org: installation.acme, role: 'auditor' });
    const { items, total } = await controlPlane.people.listUsers(systemAdmin, {
      search: email.toUpperCase(),
    });
    expect([total, items]).toMatchObject([
      1,
      [{ id: userId, organizations: [{ name: 'Acme', role: 'auditor' }], identity_provider: null }],
    ]);
    expect((await controlPlane.people.listUsers(systemAdmin, { search: '%' })).total).toBe(0);
    await refused(controlPlane.people.listUsers(acmeAdmin, {}), 'auth.forbidden');
  });

  it('lose every session at once when they are disabled, and come back when enabled', async () => {
    const { controlPlane, systemAdmin, database } = installation;
    const person = await somebody(installation, { org: installation.acme });
    await person.asks();
    await controlPlane.people.updateUser(systemAdmin, person.userId, { disabled: true });
    await refused(person.asks(), 'auth.required');
    const [row] = await auditOf(database, { object: `user:${person.userId}` });
    expect(row).toMatchObject({ action: 'user.update', outcome: 'success', detail: { sessions_ended: 1 } });
    const back = await controlPlane.people.updateUser(systemAdmin, person.userId, { disabled: false });
    expect(back.disabled).toBe(false);
  });

  it('neither disable nor demote themselves', async () => {
    const { controlPlane, systemAdmin } = installation;
    for (const body of [{ disabled: true }, { is_system_admin: false }]) {
      await refused(controlPlane.people.updateUser(systemAdmin, systemAdmin.userId, body), 'user.self');
    }
    const renamed = await controlPlane.people.updateUser(systemAdmin, systemAdmin.userId, { name: 'Root' });
    expect(renamed.name).toBe('Root');
  });

  it('always keep one system admin, also where two take each other out at the same time', async () => {
    const { controlPlane, database } = installation;
    const rivals: Somebody[] = [];
    for (let count = 0; count < 2; count += 1)
      rivals.push(await somebody(installation, { isSystemAdmin: true }));
    const [left, right] = rivals;
    if (left === undefined || right === undefined) throw new Error('there are no rivals');
    await database.accounts.update(installation.systemAdmin.userId, { isSystemAdmin: false });
    const people = await Promise.all([left.asks(), right.asks()]);
    const outcomes = await Promise.allSettled([
      controlPlane.people.updateUser(people[0], right.userId, { is_system_admin: false }),
      controlPlane.people.updateUser(people[1], left.userId, { disabled: true }),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await database.transaction((stores) => stores.accounts.lockSystemAdmins())).toHaveLength(1);
    await database.accounts.update(installation.systemAdmin.userId, { isSystemAdmin: true });
  });
});

describe('members', () => {
  it('are limited to groups of their own organisation alone, admins never', async () => {
    const { controlPlane, acmeAdmin, acme, globex, database } = installation;
    const own = await database.groups.create(acme.id, { name: randomUUID(), description: null });
    const foreign = await database.groups.create(globex.id, { name: randomUUID(), description: null });
    const { userId } = await somebody(installation, { org: acme });
    const update = (role: 'operator' | 'org_admin', group_ids: string[] | null) =>
      controlPlane.access.updateMember(acmeAdmin, acme.id, userId, { role, group_ids });
    expect(await update('operator', [own?.id ?? ''])).toMatchObject({
      role: 'operator',
      group_ids: [own?.id],
    });
    for (const id of [foreign?.id ?? '', randomUUID()])
      await refused(update('operator', [id]), 'request.invalid');
    await refused(update('org_admin', [own?.id ?? '']), 'member.admin_limited');
    expect(await update('operator', null)).toMatchObject({ group_ids: null });
  });

  it('never change their own membership, nor leave an organisation without an admin', async () => {
    const { controlPlane, database, systemAdmin } = installation;
    const org = await newOrg();
    const first = await somebody(installation, { org, role: 'org_admin' });
    const second = await somebody(installation, { org, role: 'org_admin' });
    const one = await first.asks();
    await refused(
      controlPlane.access.updateMember(one, org.id, first.userId, { role: 'org_member' }),
      'member.self',
    );
    const outcomes = await Promise.allSettled([
      controlPlane.access.removeMember(one, org.id, second.userId),
      controlPlane.access.removeMember(await second.asks(), org.id, first.userId),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const [last] = await database.transaction((stores) => stores.users.lockOrgAdmins(org.id));
    expect(last).toBeDefined();
    await controlPlane.access.removeMember(systemAdmin, org.id, last ?? '');
    expect(await database.transaction((stores) => stores.users.lockOrgAdmins(org.id))).toEqual([]);
  });
});

describe('groups', () => {
  it('take devices of their organisation, all of a request or none', async () => {
    const { controlPlane, acmeAdmin, acme, globex, database } = installation;
    const device = (orgId: string) =>
      database.devices.create(orgId, { name: randomUUID(), type: 'gateway', hardwareId: randomUUID() });
    const [own, foreign] = [await device(acme.id), await device(globex.id)];
    const group = await controlPlane.people.createGroup(acmeAdmin, {
      organization_id: acme.id,
      name: 'line 7',
    });
    const change = (body: { add?: string[]; remove?: string[] }) =>
      controlPlane.people.changeGroupDevices(acmeAdmin, group.id, body);
    for (const id of [foreign.id, randomUUID()]) {
      await refused(change({ add: [own.id, id] }), 'device.not_found');
    }
    expect((await controlPlane.people.getGroup(acmeAdmin, group.id)).device_count).toBe(0);
    expect(await change({ add: [own.id.toUpperCase(), own.id] })).toEqual({
      added: 1,
      removed: 0,
      device_count: 1,
    });
    expect((await controlPlane.fleet.list(acmeAdmin, { group_id: group.id })).items).toMatchObject([
      { id: own.id },
    ]);
    expect((await controlPlane.fleet.get(acmeAdmin, own.id)).groups).toEqual([
      { id: group.id, name: 'line 7' },
    ]);
    expect(await change({ remove: [own.id] })).toEqual({ added: 0, removed: 1, device_count: 0 });
  });

  it('have names of their own within an organisation', async () => {
    const { controlPlane, acmeAdmin, globexAdmin, acme, globex } = installation;
    const name = randomUUID();
    await controlPlane.people.createGroup(acmeAdmin, { organization_id: acme.id, name });
    await refused(
      controlPlane.people.createGroup(acmeAdmin, { organization_id: acme.id, name }),
      'group.name_taken',
    );
    const other = await controlPlane.people.createGroup(globexAdmin, { organization_id: globex.id, name });
    for (const id of [other.id, randomUUID()]) {
      await refused(controlPlane.people.getGroup(acmeAdmin, id), 'group.not_found');
      await refused(controlPlane.people.deleteGroup(acmeAdmin, id), 'group.not_found');
    }
  });
});

describe('security settings', () => {
  const settings = (changes: object = {}) => ({
    version: 0,
    require_totp: false,
    session_idle_minutes: null,
    allowed_networks: [] as string[],
    enrollment_approval: 'never' as const,
    max_api_key_days: null,
    ...changes,
  });

  it('let people in from allowed networks alone, and nobody lock themselves out', async () => {
    const { controlPlane, systemAdmin } = installation;
    const org = await newOrg();
    const admin = await somebody(installation, { org, role: 'org_admin' });
    const save = async (allowed_networks: string[], version: number) =>
      controlPlane.people.updateSecurity(await admin.asks(), org.id, settings({ allowed_networks, version }));
    await refused(save(['198.51.100.0/24'], 0), 'security.locks_out');
    for (const bad of ['192.0.2.0/33', '192.0.2', 'everywhere', '0x7f.1/8', 'fe80::1%eth0/64']) {
      await refused(save([bad], 0), 'request.invalid');
    }
    const saved = await save(['192.0.2.77/24', '2001:db8::1/32'], 0);
    expect(saved).toMatchObject({ version: 1, allowed_networks: ['192.0.2.0/24', '2001:db8::/32'] });

    const code = 'organization.network_refused';
    const elsewhere = await admin.asks('198.51.100.7');
    await refused(controlPlane.access.getOrganization(elsewhere, org.id), code);
    expect((await controlPlane.access.me(elsewhere)).memberships).toMatchObject([
      { barred_by: code, actions: [] },
    ]);
    for (const inside of ['192.0.2.200', '::ffff:192.0.2.200', '2001:db8:1::5']) {
      expect((await controlPlane.access.getOrganization(await admin.asks(inside), org.id)).id).toBe(org.id);
    }
    const rescue = settings({ version: 1, allowed_networks: ['198.51.100.0/24'] });
    expect((await controlPlane.people.updateSecurity(systemAdmin, org.id, rescue)).version).toBe(2);
  });

  it('are changed by the one of two rivals that came first', async () => {
    const { controlPlane } = installation;
    const org = await newOrg();
    const admin = await (await somebody(installation, { org, role: 'org_admin' })).asks();
    const outcomes = await Promise.allSettled(
      [10, 20].map((session_idle_minutes) =>
        controlPlane.people.updateSecurity(admin, org.id, settings({ session_idle_minutes })),
      ),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await refused(controlPlane.people.updateSecurity(admin, org.id, settings()), 'security.conflict');
  });
});

describe('the export of an organisation', () => {
  it('holds everything of its own, nothing of another, and no secret', async () => {
    const { controlPlane, acmeAdmin, acme, globex, database } = installation;
    const mine = await database.devices.create(acme.id, {
      name: 'mine',
      type: 'gateway',
      hardwareId: randomUUID(),
    });
    const theirs = await database.devices.create(globex.id, {
      ...{ name: 'theirs', type: 'gateway' as const, hardwareId: randomUUID() },
    });
    const token = await controlPlane.enrollment.createToken(acmeAdmin, { organization_id: acme.id });
    const rows: { readonly kind: string }[] = [];
    const exported = await controlPlane.people.exportOrganization(acmeAdmin, acme.id, {
      include: 'telemetry',
    });
    for await (const row of exported) rows.push(row);
    const text = JSON.stringify(rows);
    expect(text).toContain(mine.id);
    expect(text).toContain(token.id);
    for (const foreign of [theirs.id, globex.id, token.token]) expect(text).not.toContain(foreign);
    expect(text).not.toMatch(/token_hash|password|pem|PRIVATE|csrf/);
    expect(new Set(rows.map(({ kind }) => kind))).toContain('member');
    await refused(controlPlane.people.exportOrganization(acmeAdmin, globex.id, {}), 'organization.not_found');
    const audit = await auditOf(database, { object: `organization:${acme.id}` });
    expect(audit[0]).toMatchObject({ action: 'organization.export', outcome: 'success' });
  });
});
