/** The audit log over HTTP: list, one row, export, proof. */
import { type Static, Type } from 'typebox';
import { Nullable, PageOf, PageQuery, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';

export const AUDIT_ACTORS = [
  'person',
  'key',
  'service',
  'device',
  'token',
  'system',
  'provider',
  'other',
] as const;
export const AUDIT_OUTCOMES = ['success', 'refused', 'failed'] as const;

export const AuditView = Type.Object({
  id: Type.String(),
  at: Timestamp(),
  organization_id: Nullable(Uuid()),
  actor: Type.String({ description: 'person:…, key:…, service:…, device:…, token:…, provider:… or system' }),
  actor_kind: Type.Enum([...AUDIT_ACTORS]),
  actor_id: Nullable(Type.String()),
  ip_address: Nullable(Type.String()),
  user_agent: Nullable(Type.String()),
  request_id: Nullable(Type.String({ description: '`instance` of the error that the caller met.' })),
  action: Type.String(),
  object: Type.String(),
  object_kind: Type.String(),
  object_id: Nullable(Type.String()),
  outcome: Type.Enum([...AUDIT_OUTCOMES]),
  error_code: Nullable(Type.String()),
  repeats: Type.Integer({ minimum: 1, description: 'Refusals of one kind that this row stands for.' }),
  detail: Type.Unknown(),
  before: Type.Unknown({ description: 'Fields that changed, as they were; secrets are masked.' }),
  after: Type.Unknown({ description: 'The same fields, as they are.' }),
  chain_position: Type.Integer({ minimum: 1, description: 'From 1, without gaps, per organisation.' }),
  previous_hash: Type.String({ description: 'Hash of the row before; hex.' }),
  hash: Type.String({ description: 'SHA-256 over every field and the hash before; hex.' }),
});
export type AuditView = Static<typeof AuditView>;

const AuditFilter = {
  org_id: Type.Optional(Uuid()),
  actor: Type.Optional(Type.String({ minLength: 1, maxLength: 350, description: 'As shown, or its id.' })),
  actor_kind: Type.Optional(Type.Enum([...AUDIT_ACTORS])),
  action: Type.Optional(
    Type.String({ minLength: 1, maxLength: 100, description: '`device.update`, or `device.*` for all.' }),
  ),
  object: Type.Optional(
    Type.String({ minLength: 1, maxLength: 300, description: '`device:{id}`, or the id.' }),
  ),
  outcome: Type.Optional(Type.Enum([...AUDIT_OUTCOMES])),
  from: Type.Optional(Timestamp('Included.')),
  to: Type.Optional(Timestamp('Excluded.')),
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 100,
      description: 'Part of actor, action, object, error code or address.',
    }),
  ),
};

/** Of one chain: what was checked up to now, and where it breaks first. */
export const AuditProof = Type.Object({
  organization_id: Nullable(Uuid('Null: rows of no organisation.')),
  status: Type.Enum(['ok', 'broken', 'running']),
  rows_checked: Type.Integer({ minimum: 0 }),
  position: Type.Integer({ minimum: 0, description: 'Of the last row that holds.' }),
  hash: Type.String(),
  checkpoints_checked: Type.Integer({ minimum: 0 }),
  break: Nullable(
    Type.Object({
      position: Type.Integer({ minimum: 0 }),
      reason: Type.Enum([
        'row_changed',
        'row_missing',
        'row_foreign',
        'head_missing',
        'head_differs',
        'checkpoint_differs',
        'checkpoint_signature',
        'tail_missing',
      ]),
    }),
  ),
});
export type AuditProof = Static<typeof AuditProof>;

export const AuditProofPage = Type.Object({
  items: Type.Array(AuditProof),
  next_cursor: Nullable(Type.String({ description: 'Ask again with it; null: every chain was followed.' })),
});
export type AuditProofPage = Static<typeof AuditProofPage>;

export const AuditCheckpointView = Type.Object({
  organization_id: Nullable(Uuid()),
  at: Timestamp(),
  position: Type.Integer({ minimum: 1 }),
  hash: Type.String(),
  key_id: Type.String(),
  signature: Type.String({
    description:
      'base64, Ed25519 over `edge-audit-checkpoint-1 {organization_id|installation} {position} {hash} {at}`.',
  }),
});
export type AuditCheckpointView = Static<typeof AuditCheckpointView>;

export const AuditCheckpointPage = Type.Object({
  ...PageOf(AuditCheckpointView).properties,
  public_key: Nullable(Type.String({ description: 'Ed25519, PEM. Keep it where the database is not.' })),
});
export type AuditCheckpointPage = Static<typeof AuditCheckpointPage>;

const read = { method: 'GET', auth: 'session', action: 'audit.read', tag: 'audit', status: 200 } as const;

export const AUDIT_ROUTES = {
  'audit.list': {
    ...read,
    path: '/api/v1/admin/audit',
    summary: 'What was done, newest first',
    query: Type.Object({ ...AuditFilter, ...PageQuery }),
    response: PageOf(AuditView),
  },
  'audit.export': {
    ...read,
    path: '/api/v1/admin/audit/export',
    action: 'audit.export',
    summary: 'Rows in the order of their chain, streamed as CSV or NDJSON; NDJSON can be verified apart',
    query: Type.Object({ ...AuditFilter, format: Type.Optional(Type.Enum(['csv', 'ndjson'])) }),
    produces: 'text/csv',
  },
  'audit.verify': {
    ...read,
    path: '/api/v1/admin/audit/verify',
    summary: 'Follows the chains of hashes, some thousand rows at a time',
    query: Type.Object({
      org_id: Type.Optional(Uuid()),
      cursor: Type.Optional(Type.String({ maxLength: 500 })),
    }),
    response: AuditProofPage,
  },
  'audit.checkpoints': {
    ...read,
    path: '/api/v1/admin/audit/checkpoints',
    summary: 'Signed heads of the chains, newest first: to be kept elsewhere',
    query: Type.Object({ org_id: Type.Optional(Uuid()), ...PageQuery }),
    response: AuditCheckpointPage,
  },
  'audit.get': {
    ...read,
    path: '/api/v1/admin/audit/:entry_id',
    summary: 'One row with its difference',
    params: Type.Object({ entry_id: Type.String({ pattern: '^[1-9][0-9]{0,17}$' }) }),
    response: AuditView,
  },
} as const satisfies Record<string, Route>;
