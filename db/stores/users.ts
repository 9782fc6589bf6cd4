/** People and how they sign in; whose members they are is in members.ts. */
import { and, eq, isNull, sql } from 'drizzle-orm';
import { secondFactors } from '../schema/credentials.ts';
import { users } from '../schema/people.ts';
import type { UserStore } from './contracts/people.ts';
import { createMemberStore } from './members.ts';
import type { Queries } from './queries.ts';

const userColumns = {
  id: users.id,
  email: users.email,
  name: users.name,
  passwordHash: users.passwordHash,
  isSystemAdmin: users.isSystemAdmin,
  mustChangePassword: users.mustChangePassword,
  disabled: users.disabled,
  kind: users.kind,
  isLocal: sql<boolean>`${users}.issuer IS NULL`,
  hasSecondFactor: sql<boolean>`EXISTS (SELECT FROM ${secondFactors} AS factor
    WHERE factor.user_id = ${users}.id AND factor.confirmed_at IS NOT NULL)`,
  lastLoginAt: users.lastLoginAt,
};
/** Service accounts are no people: their own store lists and changes them. */
const isPerson = eq(users.kind, 'person');

export function createUserStore(queries: Queries): UserStore {
  const { orm } = queries;
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
        .where(and(sql`lower(${users.email}) = lower(${email})`, isNull(users.issuer), isPerson));
      return row ?? null;
    },

    async setPassword(userId, passwordHash, mustChangePassword) {
      await orm.update(users).set({ passwordHash, mustChangePassword }).where(eq(users.id, userId));
    },

    async recordLogin(userId, at) {
      await orm.update(users).set({ lastLoginAt: at }).where(eq(users.id, userId));
    },

    ...createMemberStore(queries),
  };
}
