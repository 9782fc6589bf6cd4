/** Second factors: one sealed TOTP secret per person, and recovery codes known by hash. */
import { and, eq, isNull, lt, sql } from 'drizzle-orm';
import { recoveryCodes, secondFactors } from '../schema/credentials.ts';
import type { SecondFactorStore } from './contracts/credentials.ts';
import type { Queries } from './queries.ts';

export function createSecondFactorStore({ orm, count }: Queries): SecondFactorStore {
  const ofUser = (userId: string) => eq(secondFactors.userId, userId);

  return {
    async find(userId) {
      const [row] = await orm
        .select({
          sealedSecret: secondFactors.sealedSecret,
          confirmedAt: secondFactors.confirmedAt,
          recoveryCodesLeft: sql<number>`(SELECT count(*)::int FROM recovery_codes AS code
            WHERE code.user_id = ${secondFactors}.user_id AND code.used_at IS NULL)`,
        })
        .from(secondFactors)
        .where(ofUser(userId));
      return row ?? null;
    },

    async begin(userId, sealedSecret, at) {
      const changed = await count(
        `INSERT INTO second_factors AS factor (user_id, sealed_secret, created_at) VALUES ($1, $2, $3)
         ON CONFLICT (user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
         WHERE factor.confirmed_at IS NULL`,
        [userId, sealedSecret, at],
      );
      return changed === 1;
    },

    async confirm(userId, step, at) {
      const result = await orm
        .update(secondFactors)
        .set({ confirmedAt: at, lastStep: step })
        .where(and(ofUser(userId), isNull(secondFactors.confirmedAt)));
      return result.rowCount === 1;
    },

    async takeStep(userId, step) {
      const result = await orm
        .update(secondFactors)
        .set({ lastStep: step })
        .where(and(ofUser(userId), lt(secondFactors.lastStep, step)));
      return result.rowCount === 1;
    },

    async takeRecoveryCode(userId, codeHash, at) {
      const result = await orm
        .update(recoveryCodes)
        .set({ usedAt: at })
        .where(
          and(
            eq(recoveryCodes.userId, userId),
            eq(recoveryCodes.codeHash, codeHash),
            isNull(recoveryCodes.usedAt),
          ),
        );
      return result.rowCount === 1;
    },

    async replaceRecoveryCodes(userId, codeHashes) {
      await orm.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId));
      await orm.insert(recoveryCodes).values(codeHashes.map((codeHash) => ({ userId, codeHash })));
    },

    async remove(userId) {
      const result = await orm.delete(secondFactors).where(ofUser(userId));
      return result.rowCount === 1;
    },
  };
}
