/** Organisations, members and the audit log, with two organisations that must not see each other. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditOf, type Installation, signIn, startInstallation } from './installation.ts';

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation?.stop());

describe('organisations', () => {
  it('are listed to their members, and all of them to system admins', async () => {
    const { controlPlane, acmeMember, globexAdmin, systemAdmin } = installation;
    const slugs = async (person: typeof acmeMember) =>
      (await controlPlane.access.listOrganizations(person, {})).items.map(({ slug }) => slug);
    expect(await slugs(acmeMember)).toEqual(['acme']);
    expect(await slugs(globexAdmin)).toEqual(['globex']);
    expect(await slugs(systemAdmin)).toEqual(['acme', 'globex']);
    const nobody = await signIn(installation, { email: 'nobody@example.org' });
    expect(await slugs(nobody)).toEqual([]);
  });

  it('are created by system admins only, with a slug that is free and not reserved', async () => {
    const { controlPlane, systemAdmin, acmeAdmin, database } = installation;
    const create = (person: typeof systemAdmin, slug: string) =>
      controlPlane.access.createOrganization(person, { slug, name: 'New' });
    const created = await create(systemAdmin, 'initech');
    expect(created).toMatchObject({ slug: 'initech', device_count: 0 });
    await expect(create(systemAdmin, 'initech')).rejects.toMatchObject({ code: 'organization.slug_taken' });
    await expect(create(systemAdmin, 'down')).rejects.toMatchObject({ code: 'organization.slug_reserved' });
    await expect(create(acmeAdmin, 'umbrella')).rejects.toMatchObject({ code: 'auth.forbidden' });
    expect(await auditOf(database, { object: `organization:${created.id}` })).toMatchObject([
      { action: 'organization.create', outcome: 'success', orgId: created.id },
    ]);
    for (const [slug, code] of [
      ['initech', 'organization.slug_taken'],
      ['down', 'organization.slug_reserved'],
      ['umbrella', 'auth.forbidden'],
    ]) {
      expect(await auditOf(database, { object: `organization:${slug}` })).toMatchObject([
        { outcome: 'refused', orgId: null, detail: { code } },
      ]);
    }
  });

  it('are renamed by their admins, with the change in the audit log', async () => {
    const { controlPlane, acme, acmeAdmin, acmeMember, globexAdmin, database } = installation;
    const rename = (person: typeof acmeAdmin) =>
      controlPlane.access.updateOrganization(person, acme.id, { name: 'Acme Ltd' });
    expect(await rename(acmeAdmin)).toMatchObject({ name: 'Acme Ltd', slug: 'acme' });
    await expect(rename(acmeMember)).rejects.toMatchObject({ code: 'auth.forbidden' });
    await expect(rename(globexAdmin)).rejects.toMatchObject({ code: 'organization.not_found' });
    expect(await auditOf(database, { object: `organization:${acme.id}` })).toMatchObject([
      { actor: 'person:admin@globex.example', outcome: 'refused', orgId: null },
      { actor: 'person:member@acme.example', outcome: 'refused', orgId: acme.id },
      { outcome: 'success', detail: { before: { name: 'Acme' }, after: { name: 'Acme Ltd' } } },
    ]);
  });

  it.each(['foreign', 'random'])('answer a %s id with 404', async (kind) => {
    const { controlPlane, globex, acmeAdmin } = installation;
    const orgId = kind === 'foreign' ? globex.id : randomUUID();
    const code = 'organization.not_found';
    await expect(controlPlane.access.getOrganization(acmeAdmin, orgId)).rejects.toMatchObject({ code });
    await expect(controlPlane.access.listMembers(acmeAdmin, orgId, {})).rejects.toMatchObject({ code });
    await expect(controlPlane.audit.list(acmeAdmin, { org_id: orgId })).rejects.toMatchObject({ code });
    await expect(controlPlane.fleet.list(acmeAdmin, { org_id: orgId })).rejects.toMatchObject({ code });
    await expect(controlPlane.fleet.liveFilter(acmeAdmin, orgId)).rejects.toMatchObject({ code });
  });

  it('that do not exist are 404 for a system admin too', async () => {
    const { controlPlane, systemAdmin } = installation;
    const code = 'organization.not_found';
    await expect(controlPlane.access.getOrganization(systemAdmin, randomUUID())).rejects.toMatchObject({
      code,
    });
    await expect(controlPlane.fleet.list(systemAdmin, { org_id: randomUUID() })).rejects.toMatchObject({
      code,
    });
  });
});

describe('members', () => {
  it('are added with a first password, which they must change', async () => {
    const { controlPlane, acme, acmeAdmin, database } = installation;
    const add = (body: { email: string; password?: string }) =>
      controlPlane.access.addMember(acmeAdmin, acme.id, { role: 'org_member', ...body });
    await expect(add({ email: 'new@acme.example' })).rejects.toMatchObject({
      code: 'member.password_required',
    });
    const member = await add({ email: 'New@acme.example', password: 'first password of new' });
    expect(member).toMatchObject({ email: 'new@acme.example', name: 'new', role: 'org_member' });
    expect(await database.users.findByEmail('new@acme.example')).toMatchObject({
      mustChangePassword: true,
      isSystemAdmin: false,
    });
    await expect(add({ email: 'new@acme.example' })).rejects.toMatchObject({ code: 'member.exists' });
    const rows = await auditOf(database, { object: `user:${member.user_id}` });
    expect(rows).toMatchObject([{ action: 'member.add', outcome: 'success', orgId: acme.id }]);
    expect(JSON.stringify(await auditOf(database))).not.toContain('first password');
  });

  it('keep their password and name when another organisation adds them', async () => {
    const { controlPlane, globex, globexAdmin, acmeMember, database } = installation;
    const before = await database.users.find(acmeMember.userId);
    await controlPlane.access.addMember(globexAdmin, globex.id, {
      email: 'MEMBER@acme.example',
      name: 'Taken Over',
      password: 'password of the attacker',
      role: 'org_member',
    });
    expect(await database.users.find(acmeMember.userId)).toEqual(before);
    await controlPlane.access.removeMember(globexAdmin, globex.id, acmeMember.userId);
  });

  it('change role and leave by the hand of an admin, never by their own', async () => {
    const { controlPlane, acme, acmeAdmin, systemAdmin, database } = installation;
    const person = await signIn(installation, { email: 'moving@acme.example', org: acme });
    const update = (actor: typeof acmeAdmin, userId: string) =>
      controlPlane.access.updateMember(actor, acme.id, userId, { role: 'org_admin' });
    expect(await update(acmeAdmin, person.userId)).toMatchObject({ role: 'org_admin' });
    await expect(update(acmeAdmin, acmeAdmin.userId)).rejects.toMatchObject({ code: 'member.self' });
    const shouted = acmeAdmin.userId.toUpperCase();
    await expect(update(acmeAdmin, shouted)).rejects.toMatchObject({ code: 'member.self' });
    await expect(
      controlPlane.access.removeMember(acmeAdmin, acme.id, acmeAdmin.userId),
    ).rejects.toMatchObject({ code: 'member.self' });
    await expect(update(acmeAdmin, systemAdmin.userId)).rejects.toMatchObject({ code: 'member.not_found' });
    await controlPlane.access.removeMember(acmeAdmin, acme.id, person.userId);
    await expect(controlPlane.access.removeMember(acmeAdmin, acme.id, person.userId)).rejects.toMatchObject({
      code: 'member.not_found',
    });
    expect(await auditOf(database, { object: `user:${person.userId}` })).toMatchObject([
      { action: 'member.remove', outcome: 'refused' },
      { action: 'member.remove', outcome: 'success', detail: { role: 'org_admin' } },
      { action: 'member.update', detail: { before: { role: 'org_member' }, after: { role: 'org_admin' } } },
    ]);
  });

  it('cannot be touched by members, nor from another organisation', async () => {
    const { controlPlane, acme, acmeMember, acmeAdmin, globexAdmin } = installation;
    for (const [person, code] of [
      [acmeMember, 'auth.forbidden'],
      [globexAdmin, 'organization.not_found'],
    ] as const) {
      const body = { role: 'org_member' } as const;
      const { access } = controlPlane;
      await expect(access.updateMember(person, acme.id, acmeAdmin.userId, body)).rejects.toMatchObject({
        code,
      });
      await expect(access.removeMember(person, acme.id, acmeAdmin.userId)).rejects.toMatchObject({ code });
      await expect(
        access.addMember(person, acme.id, {
          ...body,
          email: 'x@example.org',
          password: 'long enough password',
        }),
      ).rejects.toMatchObject({ code });
    }
    expect(await installation.database.users.findByEmail('x@example.org')).toBeNull();
  });

  it('are listed page by page', async () => {
    const { controlPlane, acme, acmeMember } = installation;
    const all = await controlPlane.access.listMembers(acmeMember, acme.id, {});
    const first = await controlPlane.access.listMembers(acmeMember, acme.id, { page_size: 1 });
    expect(first).toMatchObject({ total: all.total, items: [all.items[0]] });
    const cursor = first.next_cursor ?? '';
    const second = await controlPlane.access.listMembers(acmeMember, acme.id, { page_size: 1, cursor });
    expect(second.items).toEqual([all.items[1]]);
    await expect(
      controlPlane.access.listMembers(acmeMember, acme.id, { cursor: 'nonsense' }),
    ).rejects.toMatchObject({ code: 'request.cursor_invalid' });
  });
});

describe('the audit log', () => {
  it('shows an admin the own organisation, and rows of none to system admins only', async () => {
    const { controlPlane, acme, globex, acmeAdmin, acmeMember, globexAdmin, systemAdmin } = installation;
    const organizationsIn = async (person: typeof acmeAdmin) => {
      const { items } = await controlPlane.audit.list(person, { page_size: 500 });
      return new Set(items.map(({ organization_id }) => organization_id));
    };
    expect(await organizationsIn(acmeAdmin)).toEqual(new Set([acme.id]));
    expect(await organizationsIn(globexAdmin)).toEqual(new Set([globex.id]));
    expect(await organizationsIn(systemAdmin)).toContain(null);
    await expect(controlPlane.audit.list(acmeMember, {})).rejects.toMatchObject({
      code: 'auth.forbidden',
    });
  });
});
