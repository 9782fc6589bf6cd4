/** Organisations, users, memberships and sessions on a real server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { makeWorld, newDevice, type World } from './world.ts';

let test: TestDatabase;
let world: World;
beforeAll(async () => {
  test = await createTestDatabase();
  world = await makeWorld(test.database);
});
afterAll(() => test.drop());

const person = (email: string) => ({
  email,
  name: 'A Person',
  passwordHash: 'hash',
  isSystemAdmin: false,
  mustChangePassword: true,
});

describe('organizations', () => {
  it('are found by id and slug, with the number of their devices', async () => {
    const { database, ours, theirs } = world;
    await database.devices.create(ours.id, newDevice());
    await database.devices.create(ours.id, newDevice());
    expect(await database.organizations.find(ours.id)).toMatchObject({ slug: ours.slug, deviceCount: 2 });
    expect(await database.organizations.findBySlug(theirs.slug)).toMatchObject({
      id: theirs.id,
      deviceCount: 0,
    });
    expect(await database.organizations.findBySlug('nobody')).toBeNull();
  });

  it('refuse a slug twice and name the field', async () => {
    const again = test.database.organizations.create({ slug: world.ours.slug, name: 'again' });
    await expect(again).rejects.toMatchObject({ name: 'StoreError', code: 'conflict', field: 'slug' });
  });

  it('are listed by name, only those asked for', async () => {
    const { organizations } = test.database;
    const all = await organizations.list(null, { limit: 10 });
    expect(all.items.map(({ name }) => name)).toEqual(['ours', 'theirs']);
    const one = await organizations.list([world.theirs.id], { limit: 10 });
    expect(one).toMatchObject({ total: 1, nextCursor: null, items: [{ id: world.theirs.id }] });
    expect(await organizations.list([], { limit: 10 })).toEqual({ items: [], total: 0, nextCursor: null });
  });

  it('keep their slug when renamed', async () => {
    const made = await test.database.organizations.create({ slug: 'renamed', name: 'zz before' });
    expect(await test.database.organizations.rename(made.id, 'zz after')).toMatchObject({
      slug: 'renamed',
      name: 'zz after',
    });
  });
});

describe('users', () => {
  it('compare e-mail without case', async () => {
    const { users } = test.database;
    const made = await users.create(person('Ann@Example.org'));
    expect(await users.findByEmail('ann@EXAMPLE.org')).toEqual(made);
    await expect(users.create(person('ANN@example.ORG'))).rejects.toMatchObject({
      code: 'conflict',
      field: 'email',
    });
  });

  it('change password and remember the last login', async () => {
    const { users } = test.database;
    const { id } = await users.create(person('login@example.org'));
    const at = new Date('2026-11-23T10:00:00.123Z');
    await users.setPassword(id, 'other', false);
    await users.recordLogin(id, at);
    expect(await users.find(id)).toMatchObject({
      passwordHash: 'other',
      mustChangePassword: false,
      lastLoginAt: at,
    });
  });

  it('have a role per organisation, which another organisation neither sees nor changes', async () => {
    const { users } = test.database;
    const { ours, theirs } = world;
    const { id } = await users.create(person('member@example.org'));
    await users.addMember(ours.id, id, 'org_member');
    await expect(users.addMember(ours.id, id, 'org_admin')).rejects.toMatchObject({ code: 'conflict' });
    expect(await users.memberships(id)).toMatchObject([
      { orgId: ours.id, orgSlug: ours.slug, orgName: 'ours', role: 'org_member' },
    ]);
    expect(await users.member(theirs.id, id)).toBeNull();
    expect(await users.updateMember(theirs.id, id, 'org_admin')).toBe(false);
    expect(await users.removeMember(theirs.id, id)).toBe(false);
    expect(await users.updateMember(ours.id, id, 'org_admin')).toBe(true);
    expect(await users.members(ours.id, { limit: 10 })).toMatchObject({
      total: 1,
      items: [{ userId: id, role: 'org_admin' }],
    });
    expect((await users.members(theirs.id, { limit: 10 })).items).toEqual([]);
    expect(await users.removeMember(ours.id, id)).toBe(true);
    expect(await users.member(ours.id, id)).toBeNull();
  });
});

describe('sessions', () => {
  const start = new Date('2026-11-23T10:00:00Z');
  const later = (minutes: number) => new Date(start.getTime() + minutes * 60_000);
  const session = (tokenHash: string, userId: string) => ({
    ...{ tokenHash, userId, csrfToken: 'csrf', createdAt: start, expiresAt: later(600) },
    ipAddress: '192.0.2.7',
    userAgent: 'x'.repeat(900),
  });

  it('live until they expire, idle out, or are ended', async () => {
    const { users, sessions } = test.database;
    const { id } = await users.create(person('session@example.org'));
    await sessions.create(session('a', id));
    expect(await sessions.use('a', later(1), later(-30))).toMatchObject({ userId: id, lastUsedAt: later(1) });
    expect(await sessions.use('a', later(601), later(0))).toBeNull();
    expect(await sessions.use('a', later(40), later(10))).toBeNull();
    await sessions.end('a');
    expect(await sessions.use('a', later(1), later(-30))).toBeNull();
  });

  it('move the time of last use at most once a minute', async () => {
    const { users, sessions } = test.database;
    const { id } = await users.create(person('touch@example.org'));
    await sessions.create(session('b', id));
    expect(await sessions.use('b', later(0.5), later(-30))).toMatchObject({ lastUsedAt: start });
    expect(await sessions.use('b', later(1.5), later(-30))).toMatchObject({ lastUsedAt: later(1.5) });
  });

  it('end together, but for the one that asks, and are purged when expired', async () => {
    const { users, sessions } = test.database;
    const { id } = await users.create(person('many@example.org'));
    for (const hash of ['c', 'd', 'e']) await sessions.create(session(hash, id));
    expect(await sessions.endAllOf(id, 'c')).toBe(2);
    expect(await sessions.use('d', later(1), later(-30))).toBeNull();
    expect(await sessions.use('c', later(1), later(-30))).not.toBeNull();
    expect(await sessions.deleteExpired(later(600))).toBeGreaterThanOrEqual(1);
    expect(await sessions.use('c', later(1), later(-30))).toBeNull();
  });
});
