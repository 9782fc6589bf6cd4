/** People and their roles in organisations. */
import { and, eq, sql } from 'drizzle-orm';
import { memberships, organizations, users } from '../schema/people.ts';
import type { UserStore } from './contracts/people.ts';
import { openPage } from './page.ts';
import { allOf, type Queries } from './queries.ts';

const userColumns = {
  id: users.id,
  email: users.email,
  name: users.name,
  passwordHash: users.passwordHash,
  isSystemAdmin: users.isSystemAdmin,
  mustChangePassword: users.mustChangePassword,
  disabled: users.disabled,
  lastLoginAt: users.lastLoginAt,
};
const memberColumns = {
  userId: users.id,
  email: users.email,
  name: users.name,
  role: memberships.role,
  createdAt: memberships.createdAt,
  lastLoginAt: users.lastLoginAt,
};
const isMember = (orgId: string, userId: string) =>
  and(eq(memberships.organizationId, orgId), eq(memberships.userId, userId));

export function createUserStore({ orm }: Queries): UserStore {
  return {
    count: () => orm.$count(users),

    async create(input) {
      const [row] = await orm.insert(users).values(input).returning(userColumns);
      if (row === undefined) throw new Error('the new user was not returned');
      return row;
    },

    async find(userId) {
      const [row] = await orm.select(userColumns).from(users).where(eq(users.id, userId));
      return row ?? null;
    },

    async findByEmail(email) {
      const [row] = await orm
        .select(userColumns)
        .from(users)
        .where(sql`lower(${users.email}) = lower(${email})`);
      return row ?? null;
    },

    async setPassword(userId, passwordHash, mustChangePassword) {
      await orm.update(users).set({ passwordHash, mustChangePassword }).where(eq(users.id, userId));
    },

    async recordLogin(userId, at) {
      await orm.update(users).set({ lastLoginAt: at }).where(eq(users.id, userId));
    },

    memberships: (userId) =>
      orm
        .select({
          orgId: organizations.id,
          orgSlug: organizations.slug,
          orgName: organizations.name,
          role: memberships.role,
        })
        .from(memberships)
        .innerJoin(organizations, eq(organizations.id, memberships.organizationId))
        .where(eq(memberships.userId, userId))
        .orderBy(organizations.name, organizations.id),

    async members(orgId, request) {
      const page = openPage(
        {
          parts: [
            { key: sql`lower(${users.email})`, kind: 'text' },
            { key: users.id, kind: 'uuid' },
          ],
          descending: false,
          boundTo: ['members', orgId],
        },
        request,
      );
      const ofOrg = eq(memberships.organizationId, orgId);
      const rows = await orm
        .select({ ...memberColumns, cursorKeys: page.cursorKeys })
        .from(memberships)
        .innerJoin(users, eq(users.id, memberships.userId))
        .where(allOf(ofOrg, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(memberships, ofOrg);
      return page.close(rows, total, ({ cursorKeys: _, ...member }) => member);
    },

    async member(orgId, userId) {
      const [row] = await orm
        .select(memberColumns)
        .from(memberships)
        .innerJoin(users, eq(users.id, memberships.userId))
        .where(isMember(orgId, userId));
      return row ?? null;
    },

    async addMember(orgId, userId, role) {
      await orm.insert(memberships).values({ organizationId: orgId, userId, role });
    },

    async updateMember(orgId, userId, role) {
      const result = await orm.update(memberships).set({ role }).where(isMember(orgId, userId));
      return result.rowCount === 1;
    },

    async removeMember(orgId, userId) {
      const result = await orm.delete(memberships).where(isMember(orgId, userId));
      return result.rowCount === 1;
    },
  };
}
