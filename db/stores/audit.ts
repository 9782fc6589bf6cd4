/** The audit log; the database itself refuses to change or delete its rows. */
import { and, eq, sql } from 'drizzle-orm';
import { auditLog } from '../schema/records.ts';
import type { AuditStore } from './contracts/records.ts';
import { openPage } from './page.ts';
import { inScope, type Queries } from './queries.ts';

export function createAuditStore({ orm }: Queries): AuditStore {
  return {
    async append({ orgId, ...entry }) {
      await orm.insert(auditLog).values({ ...entry, organizationId: orgId, at: sql`clock_timestamp()` });
    },

    async list(scope, { object }, request) {
      const page = openPage(
        {
          parts: [{ key: auditLog.id, kind: 'number' }],
          descending: true,
          boundTo: ['audit', scope, object],
        },
        request,
      );
      const matches = and(
        inScope(auditLog.organizationId, scope),
        object === undefined ? undefined : eq(auditLog.object, object),
      );
      const found = await orm
        .select({
          id: sql<string>`${auditLog.id}::text`,
          at: auditLog.at,
          orgId: auditLog.organizationId,
          actor: auditLog.actor,
          ipAddress: auditLog.ipAddress,
          action: auditLog.action,
          object: auditLog.object,
          outcome: auditLog.outcome,
          detail: auditLog.detail,
          cursorKeys: page.cursorKeys,
        })
        .from(auditLog)
        .where(and(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(auditLog, matches);
      return page.close(found, total, ({ cursorKeys: _, ...entry }) => entry);
    },
  };
}
