/** Registration tokens: known by hash, claimed under a row lock. */
import { and, desc, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import { edgeDevices } from '../schema/devices.ts';
import { registrationTokens, registrationTokenUses } from '../schema/enrollment.ts';
import { organizations } from '../schema/people.ts';
import type { DeviceStatus } from './contracts/devices.ts';
import type { RegistrationToken, RegistrationTokenStore } from './contracts/enrollment.ts';
import { openPage } from './page.ts';
import { allOf, inScope, type Queries } from './queries.ts';

const lastDevice = alias(edgeDevices, 'last_device');
const tokenColumns = {
  id: registrationTokens.id,
  orgId: registrationTokens.organizationId,
  orgSlug: organizations.slug,
  prefix: registrationTokens.prefix,
  name: registrationTokens.name,
  deviceType: registrationTokens.deviceType,
  tags: registrationTokens.tags,
  maxUses: registrationTokens.maxUses,
  uses: registrationTokens.uses,
  expiresAt: registrationTokens.expiresAt,
  revokedAt: registrationTokens.revokedAt,
  createdAt: registrationTokens.createdAt,
  createdBy: registrationTokens.createdBy,
  replacesDeviceId: registrationTokens.replacesDeviceId,
  requiresApproval: registrationTokens.requiresApproval,
  allowedNetworks: registrationTokens.allowedNetworks,
  hardwareId: registrationTokens.hardwareId,
  groupIds: registrationTokens.groupIds,
  lastDevice: {
    id: lastDevice.id,
    name: lastDevice.name,
    status: sql<DeviceStatus>`${lastDevice.status}`,
  },
};

export function createTokenStore({ orm, rows, count }: Queries): RegistrationTokenStore {
  /** The device that used the token last is joined by id, found through the newest use. */
  const select = <C extends Record<string, SQL>>(more: C) =>
    orm
      .select({ ...tokenColumns, ...more })
      .from(registrationTokens)
      .innerJoin(organizations, eq(organizations.id, registrationTokens.organizationId))
      .leftJoin(
        lastDevice,
        // Of the token's own organisation: a claimed device is another's business.
        and(
          eq(lastDevice.organizationId, registrationTokens.organizationId),
          eq(
            lastDevice.id,
            orm
              .select({ deviceId: registrationTokenUses.deviceId })
              .from(registrationTokenUses)
              .where(
                and(
                  eq(registrationTokenUses.tokenId, registrationTokens.id),
                  sql`${registrationTokenUses.deviceId} IS NOT NULL`,
                ),
              )
              .orderBy(desc(registrationTokenUses.usedAt))
              .limit(1),
          ),
        ),
      );

  async function find(orgId: string | null, tokenId: string): Promise<RegistrationToken | null> {
    const scope = inScope(registrationTokens.organizationId, orgId);
    const [token] = await select({}).where(allOf(eq(registrationTokens.id, tokenId), scope));
    return token ?? null;
  }

  return {
    async create(orgId, { tags, allowedNetworks, groupIds, ...input }) {
      const [made] = await orm
        .insert(registrationTokens)
        .values({
          ...input,
          organizationId: orgId,
          tags: [...tags],
          allowedNetworks: [...(allowedNetworks ?? [])],
          groupIds: [...(groupIds ?? [])],
        })
        .returning({ id: registrationTokens.id });
      const token = made === undefined ? null : await find(orgId, made.id);
      if (token === null) throw new Error('the new token was not returned');
      return token;
    },

    find,

    async list(scope, request) {
      const page = openPage(
        {
          parts: [
            { key: registrationTokens.createdAt, kind: 'time' },
            { key: registrationTokens.id, kind: 'uuid' },
          ],
          descending: true,
          boundTo: ['tokens', scope],
        },
        request,
      );
      const matches = inScope(registrationTokens.organizationId, scope);
      const found = await select({ cursorKeys: page.cursorKeys })
        .where(and(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(registrationTokens, matches);
      return page.close(found, total, ({ cursorKeys: _, ...token }) => token);
    },

    async revoke(orgId, tokenId, at) {
      const result = await orm
        .update(registrationTokens)
        .set({ revokedAt: at })
        .where(
          and(
            eq(registrationTokens.organizationId, orgId),
            eq(registrationTokens.id, tokenId),
            isNull(registrationTokens.revokedAt),
          ),
        );
      return result.rowCount === 1;
    },

    async lockByHash(tokenHash) {
      // Locked first and read afterwards, so that what is read includes the claim that was waited for.
      const [locked] = await rows<{ id: string }>(
        'SELECT id FROM registration_tokens WHERE token_hash = $1 FOR UPDATE',
        [tokenHash],
      );
      return locked === undefined ? null : await find(null, locked.id);
    },

    async lock(tokenId) {
      const [locked] = await rows<{ id: string }>(
        'SELECT id FROM registration_tokens WHERE id = $1 FOR UPDATE',
        [tokenId],
      );
      return locked === undefined ? null : await find(null, locked.id);
    },

    async recordUse(tokenId, { deviceId, hardwareId, keyThumbprint, at }) {
      await count(
        `WITH used AS (
           INSERT INTO registration_token_uses (token_id, hardware_id, key_thumbprint, device_id, used_at)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (token_id, hardware_id, key_thumbprint)
           DO UPDATE SET device_id = excluded.device_id, used_at = excluded.used_at
         )
         UPDATE registration_tokens SET uses = uses + 1 WHERE id = $1`,
        [tokenId, hardwareId, keyThumbprint, deviceId, at],
      );
    },

    async findUse(tokenId, hardwareId, keyThumbprint) {
      const [use] = await orm
        .select({ deviceId: registrationTokenUses.deviceId })
        .from(registrationTokenUses)
        .where(
          and(
            eq(registrationTokenUses.tokenId, tokenId),
            eq(registrationTokenUses.hardwareId, hardwareId),
            eq(registrationTokenUses.keyThumbprint, keyThumbprint),
          ),
        );
      return use?.deviceId === undefined || use.deviceId === null ? null : { deviceId: use.deviceId };
    },
  };
}
