/** Wrapped data keys of organisations and of the installation. */
import type { DataKeyStore, MasterState, StoredDataKey } from './contracts/encryption.ts';
import type { Queries } from './queries.ts';

const COLUMNS = `id, organization_id AS "orgId", version, state, provider, wrapped, generation, uses::float8 AS uses,
  rows_at_start::float8 AS "rowsAtStart", created_at AS "createdAt", superseded_at AS "supersededAt",
  retired_at AS "retiredAt", destroyed_at AS "destroyedAt"`;
const OF_ORG = 'organization_id IS NOT DISTINCT FROM $1::uuid';

export function createDataKeyStore(queries: Queries): DataKeyStore {
  const { rows, count, inTransaction } = queries;
  return {
    list: (orgId, limit) =>
      rows<StoredDataKey>(
        `SELECT ${COLUMNS} FROM organization_keys WHERE ${OF_ORG} ORDER BY version DESC LIMIT $2`,
        [orgId, limit],
      ),

    async active(orgId) {
      const [key] = await rows<StoredDataKey>(
        `SELECT ${COLUMNS} FROM organization_keys WHERE ${OF_ORG} AND state = 'active'`,
        [orgId],
      );
      return key ?? null;
    },

    async find(orgId, keyId) {
      const [key] = await rows<StoredDataKey>(
        `SELECT ${COLUMNS} FROM organization_keys WHERE ${OF_ORG} AND id = $2::uuid`,
        [orgId, keyId],
      );
      return key ?? null;
    },

    activate: (orgId, key, supersedes) =>
      inTransaction(async (open) => {
        // Of processes that come together the first wins; the others read what it made.
        await open.rows('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
          `data-key:${orgId ?? 'installation'}`,
        ]);
        const [current] = await open.rows<{ id: string }>(
          `SELECT id FROM organization_keys WHERE ${OF_ORG} AND state = 'active'`,
          [orgId],
        );
        if ((current?.id ?? null) !== supersedes) return null;
        await open.count(
          `UPDATE organization_keys SET state = 'retiring', superseded_at = now(), rows_at_start = $2
           WHERE ${OF_ORG} AND state = 'active'`,
          [orgId, key.rowsAtStart],
        );
        const [made] = await open.rows<StoredDataKey>(
          `INSERT INTO organization_keys (id, organization_id, version, state, provider, wrapped, generation)
           SELECT $2, $1::uuid, coalesce(max(version), 0) + 1, 'active', $3, $4, $5
           FROM organization_keys WHERE ${OF_ORG}
           RETURNING ${COLUMNS}`,
          [orgId, key.id, key.provider, key.wrapped, key.generation],
        );
        return made ?? null;
      }),

    reserve: async (orgId, keyId, uses, limit) =>
      (await count(
        `UPDATE organization_keys SET uses = uses + $3
         WHERE ${OF_ORG} AND id = $2::uuid AND state = 'active' AND uses + $3 <= $4`,
        [orgId, keyId, uses, limit],
      )) === 1,

    retiring: (limit) =>
      rows<StoredDataKey>(
        `SELECT ${COLUMNS} FROM organization_keys WHERE state = 'retiring' ORDER BY superseded_at LIMIT $1`,
        [limit],
      ),

    retire: async (keyId) =>
      (await count(
        `UPDATE organization_keys SET state = 'retired', retired_at = now() WHERE id = $1 AND state = 'retiring'`,
        [keyId],
      )) === 1,

    destroyAll: (orgId) =>
      count(
        `UPDATE organization_keys SET state = 'destroyed', wrapped = NULL, destroyed_at = now()
         WHERE organization_id = $1 AND state <> 'destroyed'`,
        [orgId],
      ),

    master: () => readMaster(queries),

    beginMasterRotation: (by) =>
      inTransaction(async (open) => {
        await open.count(
          `UPDATE encryption_master SET generation = generation + 1, rotated_at = now(), rotated_by = $1,
             keys_total = (SELECT count(*) FROM organization_keys WHERE wrapped IS NOT NULL)`,
          [by],
        );
        return readMaster(open);
      }),

    outdated: (limit) =>
      rows<StoredDataKey>(
        `SELECT ${COLUMNS} FROM organization_keys
         WHERE wrapped IS NOT NULL AND generation < (SELECT generation FROM encryption_master)
         ORDER BY generation LIMIT $1`,
        [limit],
      ),

    rewrap: async (keyId, before, next) =>
      (await count(
        `UPDATE organization_keys SET provider = $3, wrapped = $4, generation = $5
         WHERE id = $1 AND wrapped = $2 AND generation < $5`,
        [keyId, before, next.provider, next.wrapped, next.generation],
      )) === 1,
  };
}

async function readMaster({ rows }: Queries): Promise<MasterState> {
  const [master] = await rows<MasterState>(
    `SELECT generation, rotated_at AS "rotatedAt", rotated_by AS "rotatedBy", keys_total AS "keysTotal",
       (SELECT count(*)::int FROM organization_keys k
        WHERE k.wrapped IS NOT NULL AND k.generation < m.generation) AS "keysLeft"
     FROM encryption_master m`,
  );
  if (master === undefined) throw new Error('encryption_master has no row');
  return master;
}
