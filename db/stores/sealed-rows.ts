/** Every table that holds sealed texts: how to find the rows of a key, and to replace one text by another. */
import type { PlainRow, SealedRow, SealedRowStore } from './contracts/encryption.ts';
import type { Queries } from './queries.ts';

interface SealedKind {
  readonly table: string;
  readonly id: string;
  /** SQL over `t`, the row; each must say what the code that seals says. */
  readonly org: string;
  readonly object: string;
  readonly version: string;
  /** The sealed text, and the id of its key; the latter is indexed. */
  readonly sealed: string;
  readonly key: string;
  /** Assignment of a new text, `$3`. */
  readonly assign: string;
}

/** A table that comes to hold sealed texts gets a row here, or the rotation of keys leaves it behind. */
const SEALED_KINDS = new Map<string, SealedKind>([
  [
    'configuration',
    {
      table: 'device_configurations',
      id: 't.id',
      org: '(SELECT d.organization_id FROM edge_devices d WHERE d.id = t.device_id)',
      object: `'configuration:' || t.device_id`,
      version: 't.config_version::text',
      sealed: `(t.config_data #>> '{}')`,
      key: 'sealing_key_of(t.config_data)',
      assign: 'config_data = to_jsonb($3::text)',
    },
  ],
  [
    'secret',
    {
      table: 'secret_versions',
      id: 't.id',
      org: 't.organization_id',
      object: `'secret:' || t.secret_id`,
      version: 't.version::text',
      sealed: 't.sealed',
      key: `split_part(t.sealed, '.', 2)`,
      assign: 'sealed = $3',
    },
  ],
  [
    'second_factor',
    {
      table: 'second_factors',
      id: 't.user_id',
      org: 'NULL::uuid',
      object: `'totp:' || t.user_id`,
      version: `'1'`,
      sealed: 't.sealed_secret',
      key: `split_part(t.sealed_secret, '.', 2)`,
      assign: 'sealed_secret = $3',
    },
  ],
  [
    'refresh_token',
    {
      table: 'provider_sessions',
      id: 't.id',
      org: 'NULL::uuid',
      object: `'refresh_token:' || t.id`,
      version: `'1'`,
      sealed: 't.refresh_token',
      key: `split_part(t.refresh_token, '.', 2)`,
      assign: 'refresh_token = $3',
    },
  ],
]);
const CONFIGURATION = 'configuration';

export function createSealedRowStore({ rows, count }: Queries): SealedRowStore {
  return {
    kinds: [...SEALED_KINDS.keys()],

    async count(keyId) {
      const sums = [...SEALED_KINDS.values()].map(
        ({ table, key }) => `(SELECT count(*) FROM ${table} t WHERE ${key} = $1)`,
      );
      const [found] = await rows<{ total: number }>(`SELECT (${sums.join(' + ')})::float8 AS total`, [keyId]);
      return found?.total ?? 0;
    },

    ofKey(kind, keyId, limit) {
      const { table, id, org, object, version, sealed, key } = kindOf(kind);
      return rows<SealedRow>(
        `SELECT ${id} AS id, ${org} AS "orgId", ${object} AS object, ${version} AS version, ${sealed} AS sealed
         FROM ${table} t WHERE ${key} = $1 LIMIT $2`,
        [keyId, limit],
      );
    },

    async replace(kind, rowId, before, after) {
      const { table, id, sealed, assign } = kindOf(kind);
      return (
        (await count(`UPDATE ${table} t SET ${assign} WHERE ${id} = $1 AND ${sealed} = $2`, [
          rowId,
          before,
          after,
        ])) === 1
      );
    },

    plain(limit) {
      const { table, id, org, object, version, key } = kindOf(CONFIGURATION);
      return rows<PlainRow>(
        `SELECT ${id} AS id, ${org} AS "orgId", ${object} AS object, ${version} AS version, t.config_data AS plain
         FROM ${table} t WHERE ${key} IS NULL LIMIT $1`,
        [limit],
      );
    },

    async sealPlain(id, before, after) {
      const { table, assign } = kindOf(CONFIGURATION);
      return (
        (await count(`UPDATE ${table} t SET ${assign} WHERE t.id = $1 AND t.config_data = $2::jsonb`, [
          id,
          JSON.stringify(before),
          after,
        ])) === 1
      );
    },
  };
}

function kindOf(name: string): SealedKind {
  const kind = SEALED_KINDS.get(name);
  if (kind === undefined) throw new Error(`no sealed rows of kind ${name}`);
  return kind;
}
