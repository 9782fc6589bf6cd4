/** API keys: found by the part that may be shown, opened by the hash of the rest. */
import { and, eq, gt, isNull, lt, or } from 'drizzle-orm';
import { apiKeys } from '../schema/credentials.ts';
import type { ApiKeyStore } from './contracts/credentials.ts';
import { openPage } from './page.ts';
import { allOf, type Queries } from './queries.ts';

const columns = {
  id: apiKeys.id,
  prefix: apiKeys.prefix,
  userId: apiKeys.userId,
  orgId: apiKeys.organizationId,
  name: apiKeys.name,
  scopes: apiKeys.scopes,
  createdBy: apiKeys.createdBy,
  createdAt: apiKeys.createdAt,
  expiresAt: apiKeys.expiresAt,
  revokedAt: apiKeys.revokedAt,
  lastUsedAt: apiKeys.lastUsedAt,
  lastUsedIp: apiKeys.lastUsedIp,
};

export function createApiKeyStore({ orm }: Queries): ApiKeyStore {
  return {
    async create({ orgId, scopes, ...input }) {
      const [row] = await orm
        .insert(apiKeys)
        .values({ ...input, organizationId: orgId, scopes: [...scopes] })
        .returning(columns);
      if (row === undefined) throw new Error('the new key was not returned');
      return row;
    },

    async findByPrefix(prefix) {
      const [row] = await orm
        .select({ ...columns, secretHash: apiKeys.secretHash })
        .from(apiKeys)
        .where(eq(apiKeys.prefix, prefix));
      return row ?? null;
    },

    async list(userId, request) {
      const page = openPage(
        {
          parts: [
            { key: apiKeys.createdAt, kind: 'time' },
            { key: apiKeys.id, kind: 'uuid' },
          ],
          descending: true,
          boundTo: ['api-keys', userId],
        },
        request,
      );
      const ofUser = eq(apiKeys.userId, userId);
      const found = await orm
        .select({ ...columns, cursorKeys: page.cursorKeys })
        .from(apiKeys)
        .where(allOf(ofUser, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(apiKeys, ofUser);
      return page.close(found, total, ({ cursorKeys: _, ...key }) => key);
    },

    countLive: (userId, now) =>
      orm.$count(
        apiKeys,
        and(eq(apiKeys.userId, userId), isNull(apiKeys.revokedAt), gt(apiKeys.expiresAt, now)),
      ),

    async revoke(userId, keyId, at) {
      const isKey = and(eq(apiKeys.userId, userId), eq(apiKeys.id, keyId));
      await orm
        .update(apiKeys)
        .set({ revokedAt: at })
        .where(and(isKey, isNull(apiKeys.revokedAt)));
      const [row] = await orm.select(columns).from(apiKeys).where(isKey);
      return row ?? null;
    },

    async recordUse(keyId, at, ipAddress) {
      await orm.update(apiKeys).set({ lastUsedAt: at, lastUsedIp: ipAddress }).where(eq(apiKeys.id, keyId));
    },

    async deleteEnded(before) {
      const result = await orm
        .delete(apiKeys)
        .where(or(lt(apiKeys.expiresAt, before), lt(apiKeys.revokedAt, before)));
      return result.rowCount ?? 0;
    },
  };
}
