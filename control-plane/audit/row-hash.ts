/** The hash of one audit row, computed apart from the database: nobody who changes its functions changes the verdict. Pure. */
import { createHash } from 'node:crypto';
import type { AuditChainRow } from '#db';

/** Before the first row of a chain. */
export const GENESIS = '0'.repeat(64);

/** In the order of `audit_row_hash` in migration 0013; every column but the hash itself. */
const HASHED = [
  'previous_hash',
  'organization_id',
  'chain_position',
  'id',
  'at',
  'attempt_id',
  'actor',
  'actor_kind',
  'actor_id',
  'ip_address',
  'user_agent',
  'request_id',
  'action',
  'object',
  'object_kind',
  'object_id',
  'outcome',
  'error_code',
  'repeats',
  'detail',
  'before',
  'after',
] as const satisfies readonly (keyof AuditChainRow)[];

/** Hex of 32 bytes. */
export function rowHash(row: AuditChainRow): string {
  const fields = HASHED.map((name) => fieldText(row[name]));
  return createHash('sha256')
    .update(`edge-audit-1,${fields.join('')}`)
    .digest('hex');
}

/** Length in bytes and text, so that no two rows have one encoding. */
const fieldText = (value: string | null): string =>
  value === null ? '-,' : `${Buffer.byteLength(value)}:${value},`;
