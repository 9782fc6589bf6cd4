/** Claim codes: known by hash, at most one per device. */
import type { ClaimCode, ClaimCodeStore } from './contracts/enrollment-requests.ts';
import type { Queries } from './queries.ts';

export function createClaimCodeStore({ rows, count }: Queries): ClaimCodeStore {
  return {
    async put(orgId, deviceId, { codeHash, expiresAt, createdBy }) {
      const made = await count(
        `INSERT INTO device_claim_codes (device_id, organization_id, code_hash, expires_at, created_by)
         SELECT id, organization_id, $3, $4, $5 FROM edge_devices WHERE organization_id = $1 AND id = $2
         ON CONFLICT (device_id) DO UPDATE SET code_hash = excluded.code_hash, expires_at = excluded.expires_at,
           created_at = now(), created_by = excluded.created_by`,
        [orgId, deviceId, codeHash, expiresAt, createdBy],
      );
      if (made !== 1) throw new Error('a claim code needs a device of the organisation');
    },

    async findByHash(codeHash) {
      const [code] = await rows<ClaimCode & { deviceId: string }>(
        `SELECT c.device_id AS "deviceId", c.organization_id AS "orgId", d.device_id AS "hardwareId",
           c.expires_at AS "expiresAt"
         FROM device_claim_codes c JOIN edge_devices d ON d.id = c.device_id
         WHERE c.code_hash = $1`,
        [codeHash],
      );
      return code ?? null;
    },

    async expiresAt(orgId, deviceId) {
      const [code] = await rows<{ expiresAt: Date }>(
        `SELECT expires_at AS "expiresAt" FROM device_claim_codes WHERE organization_id = $1 AND device_id = $2`,
        [orgId, deviceId],
      );
      return code?.expiresAt ?? null;
    },

    async remove(orgId, deviceId) {
      const gone = await count(
        'DELETE FROM device_claim_codes WHERE organization_id = $1 AND device_id = $2',
        [orgId, deviceId],
      );
      return gone === 1;
    },

    deleteExpired: (now) => count('DELETE FROM device_claim_codes WHERE expires_at <= $1', [now]),
  };
}
