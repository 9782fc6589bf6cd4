/** The audit log: list, one row, export, verification, and refusals that no use case saw. */
import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import type { AuditChainPlace, AuditChainRow, AuditFilter, AuditScope, Database } from '#db';
import { toListed, toPageRequest } from '../access/list-page.ts';
import { listScope, permit } from '../access/permit.ts';
import { toAppError } from '../access/store-failure.ts';
import type { AuditExportRow, AuditUseCases } from '../audit-use-cases.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { ExportSlots } from '../telemetry/export-slots.ts';
import { auditFilter, auditView, checkpointView, exportRow } from './audit-view.ts';
import { auditedOutside, byPerson } from './audited.ts';
import type { CheckpointSigner } from './checkpoint-key.ts';
import { type ProofPlace, verifyChains } from './verify.ts';

/** Rows that one request checks: about a second. */
const VERIFY_ROWS = 20_000;
/** Rows of an export in memory at a time; a row has some 1,000 bytes. */
const EXPORT_PAGE_ROWS = 1000;

export interface AuditLogDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly slots: ExportSlots;
  /** Null: no checkpoint can be trusted, and each counts as a break. */
  readonly signer: Omit<CheckpointSigner, 'sign'> | null;
}

export function createAuditLog(deps: AuditLogDeps): AuditUseCases {
  const { database, signer } = deps;
  const { audit, organizations } = database;
  return {
    /** Rows of no organisation (sign-ins, refused strangers) are for system admins alone. */
    async list(person, query) {
      const scope = await listScope(organizations, person, 'audit.read', query.org_id);
      return toListed(await audit.list(scope, auditFilter(query), toPageRequest(query)), auditView);
    },

    async get(person, entryId) {
      const entry = await audit.find(null, entryId);
      if (entry?.orgId === null) {
        if (!person.isSystemAdmin) throw new AppError('audit.not_found');
      } else {
        permit(person, 'audit.read', entry?.orgId, 'audit.not_found');
      }
      if (entry === null) throw new AppError('audit.not_found');
      return auditView(entry);
    },

    async export(person, query) {
      const object = query.org_id === undefined ? 'audit:all' : `organization:${query.org_id}`;
      const draft = byPerson(person, 'audit.export', object);
      return auditedOutside(deps, draft, async () => {
        const scope = await listScope(organizations, person, 'audit.export', query.org_id);
        if (typeof scope === 'string') draft.orgId = scope;
        const { org_id: _, ...filter } = query;
        draft.detail = filter;
        await audit.append({ ...draft, outcome: 'success' });
        return deps.slots(() => rowsOf(database, scope, auditFilter(filter)));
      });
    },

    async verify(person, query) {
      const scope = await listScope(organizations, person, 'audit.read', query.org_id);
      const place = query.cursor === undefined ? null : placeOf(query.cursor, scope);
      const trusts = signer?.trusts ?? (() => false);
      const { proofs, next } = await verifyChains(audit, scope, place, VERIFY_ROWS, trusts);
      return { items: [...proofs], next_cursor: next === null ? null : cursorOf(next) };
    },

    async checkpoints(person, query) {
      const scope = await listScope(organizations, person, 'audit.read', query.org_id);
      const page = toListed(await audit.checkpoints(scope, toPageRequest(query)), checkpointView);
      return { ...page, public_key: signer?.publicKeyPem ?? null };
    },

    async refuse(person, { route, object, code }) {
      const draft = byPerson(person, route, object);
      try {
        await audit.append({ ...draft, attemptId: randomUUID(), outcome: 'refused', detail: { code } });
      } catch (error) {
        deps.log.error(
          { err: error, actor: draft.actor, action: route, object, code },
          'audit row could not be written',
        );
      }
    },
  };
}

async function* rowsOf(
  { audit }: Pick<Database, 'audit'>,
  scope: AuditScope,
  filter: AuditFilter,
): AsyncGenerator<AuditExportRow> {
  let after: AuditChainPlace | null = null;
  for (;;) {
    const page: readonly AuditChainRow[] = await readPage(() =>
      audit.chainRows(scope, filter, after, EXPORT_PAGE_ROWS),
    );
    for (const row of page) yield exportRow(row);
    const last = page.at(-1);
    if (last === undefined || page.length < EXPORT_PAGE_ROWS) return;
    after = { orgId: last.organization_id, position: Number(last.chain_position) };
  }
}

/** The guard of the use cases ends with their promise; a page read later needs its own. */
async function readPage<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw toAppError(error);
  }
}

const ProofCursor = Type.Object({
  org: Type.Union([Type.String({ format: 'uuid' }), Type.Null()]),
  position: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  rows: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  checkpoints: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
});

const cursorOf = ({ orgId, state, checkpoints }: ProofPlace): string =>
  Buffer.from(JSON.stringify({ org: orgId, ...state, checkpoints })).toString('base64url');

/** A forged cursor deceives only its forger: it says what has been checked before. @throws AppError 'request.cursor_invalid' */
function placeOf(cursor: string, scope: AuditScope): ProofPlace {
  const decoded = decodeValue(ProofCursor, jsonOf(cursor));
  if (!decoded.ok) throw new AppError('request.cursor_invalid');
  const { org, checkpoints, ...state } = decoded.value;
  const isInScope = scope === null || (org !== null && [scope].flat().includes(org));
  if (!isInScope) throw new AppError('request.cursor_invalid');
  return { orgId: org, state, checkpoints };
}

function jsonOf(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}
