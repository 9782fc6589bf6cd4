/** Rows of the audit log as their readers see them. Pure. */
import type { AuditChainRow, AuditCheckpoint, AuditEntry, AuditFilter } from '#db';
import type { AuditCheckpointView, AuditView, QueryOf } from '#web-api';
import type { AuditExportRow } from '../audit-use-cases.ts';

export const auditView = (entry: AuditEntry): AuditView => ({
  id: entry.id,
  at: entry.at.toISOString(),
  organization_id: entry.orgId,
  actor: entry.actor,
  actor_kind: entry.actorKind,
  actor_id: entry.actorId,
  ip_address: entry.ipAddress,
  user_agent: entry.userAgent,
  request_id: entry.requestId,
  action: entry.action,
  object: entry.object,
  object_kind: entry.objectKind,
  object_id: entry.objectId,
  outcome: entry.outcome,
  error_code: entry.errorCode,
  repeats: entry.repeats,
  detail: entry.detail,
  before: entry.before,
  after: entry.after,
  chain_position: entry.chainPosition,
  previous_hash: entry.previousHash,
  hash: entry.hash,
});

export const checkpointView = (checkpoint: AuditCheckpoint): AuditCheckpointView => ({
  organization_id: checkpoint.orgId,
  at: checkpoint.at.toISOString(),
  position: checkpoint.position,
  hash: checkpoint.hash,
  key_id: checkpoint.keyId,
  signature: checkpoint.signature,
});

export const exportRow = (row: AuditChainRow): AuditExportRow => ({
  ...row,
  chain_position: Number(row.chain_position),
  repeats: Number(row.repeats),
  detail: jsonOf(row.detail),
  before: jsonOf(row.before),
  after: jsonOf(row.after),
});

const jsonOf = (text: string | null): unknown => (text === null ? null : JSON.parse(text));

export const auditFilter = (query: Omit<QueryOf<'audit.list'>, 'page'>): AuditFilter => ({
  actor: query.actor,
  actorKind: query.actor_kind,
  action: query.action,
  object: query.object,
  outcome: query.outcome,
  from: query.from === undefined ? undefined : new Date(query.from),
  to: query.to === undefined ? undefined : new Date(query.to),
  text: query.q,
});
