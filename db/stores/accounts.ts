/** People over all organisations, for the installation's admins. */
import { and, eq, type SQL, sql } from 'drizzle-orm';
import { users } from '../schema/people.ts';
import type { Account, AccountStore } from './contracts/accounts.ts';
import { openPage } from './page.ts';
import { allOf, type Queries } from './queries.ts';

type AccountRow = Omit<Account, 'organizations'>;

const columns = {
  id: users.id,
  email: users.email,
  name: users.name,
  isSystemAdmin: users.isSystemAdmin,
  disabled: users.disabled,
  issuer: users.issuer,
  createdAt: users.createdAt,
  lastLoginAt: users.lastLoginAt,
};
const isPerson = eq(users.kind, 'person');

export function createAccountStore({ orm, rows }: Queries): AccountStore {
  /** One query for a whole page. */
  async function withOrganizations(accounts: readonly AccountRow[]): Promise<Account[]> {
    const found = await rows<Account['organizations'][number] & { userId: string }>(
      `SELECT m.user_id AS "userId", o.id, o.name, m.role
       FROM memberships m JOIN organizations o ON o.id = m.organization_id
       WHERE m.user_id = ANY ($1::uuid[]) ORDER BY o.name, o.id`,
      [accounts.map(({ id }) => id)],
    );
    const byUser = Map.groupBy(found, ({ userId }) => userId);
    return accounts.map((account) => ({
      ...account,
      organizations: (byUser.get(account.id) ?? []).map(({ userId: _, ...organization }) => organization),
    }));
  }

  return {
    async list({ search }, request) {
      const page = openPage(
        {
          parts: [
            { key: sql`lower(${users.email})`, kind: 'text' },
            { key: users.id, kind: 'uuid' },
          ],
          descending: false,
          boundTo: ['accounts', search],
        },
        request,
      );
      const matches = allOf(isPerson, search === undefined || search === '' ? undefined : containing(search));
      const found = await orm
        .select({ ...columns, cursorKeys: page.cursorKeys })
        .from(users)
        .where(allOf(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(users, matches);
      const full = new Map((await withOrganizations(found)).map((account) => [account.id, account]));
      return page.close(
        found,
        total,
        ({ cursorKeys: _, ...row }) => full.get(row.id) ?? { ...row, organizations: [] },
      );
    },

    async find(userId) {
      const found = await orm
        .select(columns)
        .from(users)
        .where(and(eq(users.id, userId), isPerson));
      return (await withOrganizations(found))[0] ?? null;
    },

    async update(userId, changes) {
      if (Object.keys(changes).length === 0) return;
      await orm
        .update(users)
        .set(changes)
        .where(and(eq(users.id, userId), isPerson));
    },

    async lockSystemAdmins() {
      const found = await rows<{ id: string }>(
        'SELECT id FROM users WHERE is_system_admin AND NOT disabled ORDER BY id FOR UPDATE',
      );
      return found.map(({ id }) => id);
    },
  };
}

/** `%` and `_` stand for themselves. */
function containing(search: string): SQL {
  const pattern = `%${search.replace(/[\\%_]/g, '\\$&')}%`;
  return sql`(${users.email} ILIKE ${pattern} OR ${users.name} ILIKE ${pattern})`;
}
