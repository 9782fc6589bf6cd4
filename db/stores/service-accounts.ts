/** Service accounts: users of one organisation that have keys and no way to sign in. */
import { randomUUID } from 'node:crypto';
import { and, eq, sql } from 'drizzle-orm';
import { serviceAccounts } from '../schema/credentials.ts';
import { memberships, users } from '../schema/people.ts';
import type { ServiceAccount, ServiceAccountStore } from './contracts/credentials.ts';
import { openPage } from './page.ts';
import { allOf, type Queries } from './queries.ts';

/** No scrypt hash: nothing that anybody types can ever equal it. */
const NO_PASSWORD = 'none';

const columns = {
  id: serviceAccounts.userId,
  orgId: serviceAccounts.organizationId,
  name: serviceAccounts.name,
  role: memberships.role,
  createdBy: serviceAccounts.createdBy,
  createdAt: serviceAccounts.createdAt,
  keyCount: sql<number>`(SELECT count(*)::int FROM api_keys AS key WHERE key.user_id = ${serviceAccounts.userId}
    AND key.revoked_at IS NULL AND key.expires_at > now())`,
  lastUsedAt: sql<Date | null>`(SELECT max(key.last_used_at) FROM api_keys AS key
    WHERE key.user_id = ${serviceAccounts.userId})`.mapWith((value: string) => new Date(value)),
};
const isAccount = (orgId: string, accountId: string) =>
  and(eq(serviceAccounts.organizationId, orgId), eq(serviceAccounts.userId, accountId));
const itsMembership = and(
  eq(memberships.userId, serviceAccounts.userId),
  eq(memberships.organizationId, serviceAccounts.organizationId),
);

export function createServiceAccountStore({ orm }: Queries): ServiceAccountStore {
  async function find(orgId: string, accountId: string): Promise<ServiceAccount | null> {
    const [row] = await orm
      .select(columns)
      .from(serviceAccounts)
      .innerJoin(memberships, itsMembership)
      .where(isAccount(orgId, accountId));
    return row ?? null;
  }

  return {
    async create(orgId, { name, role, createdBy }) {
      const id = randomUUID();
      await orm.insert(users).values({
        id,
        // A domain that RFC 2606 keeps out of the world: it is nobody's address.
        email: `${id}@service.invalid`,
        name,
        passwordHash: NO_PASSWORD,
        kind: 'service',
      });
      await orm.insert(serviceAccounts).values({ userId: id, organizationId: orgId, name, createdBy });
      await orm.insert(memberships).values({ organizationId: orgId, userId: id, role });
      const account = await find(orgId, id);
      if (account === null) throw new Error('the new service account was not returned');
      return account;
    },

    find,

    async list(orgId, request) {
      const page = openPage(
        {
          parts: [
            { key: serviceAccounts.name, kind: 'text' },
            { key: serviceAccounts.userId, kind: 'uuid' },
          ],
          descending: false,
          boundTo: ['service-accounts', orgId],
        },
        request,
      );
      const ofOrg = eq(serviceAccounts.organizationId, orgId);
      const found = await orm
        .select({ ...columns, cursorKeys: page.cursorKeys })
        .from(serviceAccounts)
        .innerJoin(memberships, itsMembership)
        .where(allOf(ofOrg, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(serviceAccounts, ofOrg);
      return page.close(found, total, ({ cursorKeys: _, ...account }) => account);
    },

    count: (orgId) => orm.$count(serviceAccounts, eq(serviceAccounts.organizationId, orgId)),

    async setRole(orgId, accountId, role) {
      const result = await orm
        .update(memberships)
        .set({ role })
        .where(and(eq(memberships.organizationId, orgId), eq(memberships.userId, accountId)));
      return result.rowCount === 1;
    },

    async delete(orgId, accountId) {
      const result = await orm.delete(serviceAccounts).where(isAccount(orgId, accountId));
      return result.rowCount === 1;
    },
  };
}
