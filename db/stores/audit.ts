/** The audit log; the database itself chains its rows and refuses to change or delete them. */
import { and, sql } from 'drizzle-orm';
import { auditLog } from '../schema/records.ts';
import { createAuditChainStore } from './audit-chains.ts';
import { auditConditions, boundTo } from './audit-filter.ts';
import type { AuditEntry, AuditStore, NewAuditEntry } from './contracts/records.ts';
import { openPage } from './page.ts';
import { inScope, type Queries } from './queries.ts';

/** Characters that fit the columns: a row that is too long must not cost the work it tells of. */
const MOST = { actor: 350, id: 300, agent: 300, request: 100, action: 100, object: 300 } as const;

const INSERT = `INSERT INTO audit_log
  (organization_id, actor, actor_kind, actor_id, ip_address, user_agent, request_id, attempt_id, action, object,
   outcome, detail, repeats, at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13, clock_timestamp())`;

export function createAuditStore(queries: Queries): AuditStore {
  const { orm, count } = queries;
  return {
    ...createAuditChainStore(queries),

    async append(entry) {
      await count(INSERT, parametersOf(entry));
    },

    async list(scope, filter, request) {
      const page = openPage(
        {
          parts: [{ key: auditLog.id, kind: 'number' }],
          descending: true,
          boundTo: ['audit', scope, ...boundTo(filter)],
        },
        request,
      );
      const matches = and(inScope(auditLog.organizationId, scope), auditConditions(filter));
      const found = await orm
        .select({ ...ENTRY, cursorKeys: page.cursorKeys })
        .from(auditLog)
        .where(and(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(auditLog, matches);
      return page.close(found, total, ({ cursorKeys: _, ...entry }) => entry);
    },

    async find(scope, id) {
      const [found] = await orm
        .select(ENTRY)
        .from(auditLog)
        .where(and(inScope(auditLog.organizationId, scope), sql`${auditLog.id} = ${id}::bigint`));
      return found ?? null;
    },
  };
}

const ENTRY = {
  id: sql<string>`${auditLog.id}::text`,
  at: auditLog.at,
  orgId: auditLog.organizationId,
  actor: auditLog.actor,
  actorKind: auditLog.actorKind,
  actorId: auditLog.actorId,
  ipAddress: auditLog.ipAddress,
  userAgent: auditLog.userAgent,
  requestId: auditLog.requestId,
  action: auditLog.action,
  object: auditLog.object,
  objectKind: auditLog.objectKind,
  objectId: auditLog.objectId,
  outcome: auditLog.outcome,
  errorCode: auditLog.errorCode,
  repeats: auditLog.repeats,
  detail: auditLog.detail,
  before: auditLog.before,
  after: auditLog.after,
  chainPosition: auditLog.chainPosition,
  previousHash: sql<string>`encode(${auditLog.previousHash}, 'hex')`,
  hash: sql<string>`encode(${auditLog.hash}, 'hex')`,
} satisfies Record<keyof AuditEntry, unknown>;

function parametersOf(entry: NewAuditEntry): unknown[] {
  return [
    entry.orgId,
    cut(entry.actor, MOST.actor),
    entry.actorKind ?? null,
    entry.actorId === undefined ? null : cut(entry.actorId, MOST.id),
    entry.ipAddress,
    entry.userAgent == null ? null : cut(entry.userAgent, MOST.agent),
    entry.requestId === undefined ? null : cut(entry.requestId, MOST.request),
    entry.attemptId ?? null,
    cut(entry.action, MOST.action),
    cut(entry.object, MOST.object),
    entry.outcome,
    entry.detail == null ? null : JSON.stringify(entry.detail),
    entry.repeats ?? 1,
  ];
}

const cut = (text: string, most: number): string =>
  text.replaceAll('\0', '\ufffd').slice(0, most).toWellFormed();
