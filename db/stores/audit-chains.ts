/** The chains of the audit log: rows in the order of their hashes, heads and checkpoints. */
import { and, sql } from 'drizzle-orm';
import { auditCheckpoints, auditLog } from '../schema/records.ts';
import { auditConditions } from './audit-filter.ts';
import type { AuditChainRow, AuditCheckpoint, AuditHead, AuditStore } from './contracts/records.ts';
import { openPage } from './page.ts';
import { inScope, type Queries } from './queries.ts';

type AuditChainStore = Pick<
  AuditStore,
  'chainRows' | 'chains' | 'chainSlice' | 'headsToSign' | 'addCheckpoints' | 'checkpoints'
>;

/** Above what any caller asks for. */
const MAX_ROWS = 10_000;
/** Chain of rows without organisation. */
const INSTALLATION = '00000000-0000-0000-0000-000000000000';
const CHAIN = `coalesce(organization_id, '${INSTALLATION}'::uuid)`;
/** Signed daily: more than thirty years of one chain. */
const MAX_CHECKPOINTS = 12_000;

/** As `audit_row_hash` of migration 0013 reads them. */
const COLUMNS = `id::text, organization_id::text, chain_position::text, encode(previous_hash, 'hex') AS previous_hash,
  encode(hash, 'hex') AS hash, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
  attempt_id::text, actor, actor_kind, actor_id, nullif(format('%s', ip_address), '') AS ip_address, user_agent, request_id,
  action, object, object_kind, object_id, outcome, error_code, repeats::text, detail::text AS detail,
  before::text AS before, after::text AS after`;

interface SliceRow extends Record<string, unknown> {
  readonly rows: AuditChainRow[] | null;
  readonly head: { position: number; hash: string } | null;
  readonly checkpoints: (Omit<AuditCheckpoint, 'at' | 'orgId'> & { at: string })[] | null;
}

export function createAuditChainStore({ orm, rows, count }: Queries): AuditChainStore {
  return {
    async chainRows(scope, filter, after, limit) {
      const place =
        after === null
          ? undefined
          : sql`(${sql.raw(CHAIN)}, audit_log.chain_position) > (${chainOf(after.orgId)}::uuid, ${after.position}::bigint)`;
      const matches = and(inScope(auditLog.organizationId, scope), auditConditions(filter), place);
      const found = await orm.execute<AuditChainRow & Record<string, unknown>>(
        sql`SELECT ${sql.raw(COLUMNS)} FROM audit_log ${matches === undefined ? sql`` : sql`WHERE ${matches}`}
            ORDER BY ${sql.raw(CHAIN)}, audit_log.chain_position LIMIT ${Math.min(limit, MAX_ROWS)}`,
      );
      return found.rows;
    },

    async chains(scope) {
      const found = await rows<{ chain: string }>(
        `WITH RECURSIVE written (chain) AS (
           (SELECT ${CHAIN} FROM audit_log ORDER BY 1 LIMIT 1)
           UNION ALL
           SELECT (SELECT ${CHAIN} FROM audit_log WHERE ${CHAIN} > written.chain ORDER BY 1 LIMIT 1)
           FROM written WHERE written.chain IS NOT NULL
         )
         SELECT chain::text FROM (
           SELECT chain FROM written WHERE chain IS NOT NULL
           UNION SELECT chain FROM audit_chains
           UNION SELECT ${CHAIN} FROM audit_checkpoints
         ) all_chains
         WHERE $1::uuid[] IS NULL OR chain = ANY ($1)
         ORDER BY chain`,
        [scope === null ? null : [scope].flat()],
      );
      return found.map(({ chain }) => (chain === INSTALLATION ? null : chain));
    },

    async chainSlice(orgId, position, limit) {
      const [found] = await rows<SliceRow>(
        `SELECT
           (SELECT json_agg(r) FROM (
              SELECT ${COLUMNS} FROM audit_log WHERE ${CHAIN} = $1 AND chain_position > $2
              ORDER BY audit_log.chain_position LIMIT $3) r) AS rows,
           (SELECT json_build_object('position', position, 'hash', encode(hash, 'hex'))
              FROM audit_chains WHERE chain = $1) AS head,
           (SELECT json_agg(c) FROM (
              SELECT id::text, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, position,
                encode(hash, 'hex') AS hash, key_id AS "keyId", encode(signature, 'base64') AS signature
              FROM audit_checkpoints WHERE ${CHAIN} = $1 AND position > $2
              ORDER BY position, audit_checkpoints.id LIMIT ${MAX_CHECKPOINTS}) c) AS checkpoints`,
        [chainOf(orgId), position, Math.min(limit, MAX_ROWS)],
      );
      const head = found?.head ?? null;
      return {
        rows: found?.rows ?? [],
        head: head === null ? null : { orgId, ...head },
        checkpoints: (found?.checkpoints ?? []).map((one) => ({
          ...one,
          orgId,
          at: new Date(one.at),
          // PostgreSQL breaks base64 into lines.
          signature: one.signature.replaceAll('\n', ''),
        })),
      };
    },

    async headsToSign() {
      const found = await rows<{ chain: string; position: string; hash: string }>(
        `SELECT chain::text, position::text, encode(hash, 'hex') AS hash FROM audit_chains c
         WHERE position > coalesce(
           (SELECT max(k.position) FROM audit_checkpoints k
            WHERE coalesce(k.organization_id, '${INSTALLATION}'::uuid) = c.chain), 0)
         ORDER BY chain`,
      );
      return found.map(
        ({ chain, position, hash }): AuditHead => ({
          orgId: chain === INSTALLATION ? null : chain,
          position: Number(position),
          hash,
        }),
      );
    },

    async addCheckpoints(checkpoints) {
      await count(
        `INSERT INTO audit_checkpoints (organization_id, at, position, hash, key_id, signature)
         SELECT c.org, c.at, c.position, decode(c.hash, 'hex'), c.key_id, decode(c.signature, 'base64')
         FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::text[], $5::text[], $6::text[])
           AS c (org, at, position, hash, key_id, signature)`,
        [
          checkpoints.map(({ orgId }) => orgId),
          checkpoints.map(({ at }) => at.toISOString()),
          checkpoints.map(({ position }) => position),
          checkpoints.map(({ hash }) => hash),
          checkpoints.map(({ keyId }) => keyId),
          checkpoints.map(({ signature }) => signature),
        ],
      );
    },

    async checkpoints(scope, request) {
      const page = openPage(
        {
          parts: [{ key: auditCheckpoints.id, kind: 'number' }],
          descending: true,
          boundTo: ['audit-checkpoints', scope],
        },
        request,
      );
      const matches = inScope(auditCheckpoints.organizationId, scope);
      const found = await orm
        .select({
          id: sql<string>`${auditCheckpoints.id}::text`,
          orgId: auditCheckpoints.organizationId,
          at: auditCheckpoints.at,
          position: auditCheckpoints.position,
          hash: sql<string>`encode(${auditCheckpoints.hash}, 'hex')`,
          keyId: auditCheckpoints.keyId,
          signature: sql<string>`translate(encode(${auditCheckpoints.signature}, 'base64'), E'\n', '')`,
          cursorKeys: page.cursorKeys,
        })
        .from(auditCheckpoints)
        .where(and(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(auditCheckpoints, matches);
      return page.close(found, total, ({ cursorKeys: _, ...checkpoint }) => checkpoint);
    },
  };
}

const chainOf = (orgId: string | null): string => orgId ?? INSTALLATION;
