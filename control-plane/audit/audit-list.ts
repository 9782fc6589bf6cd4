/** The audit log as its readers see it. */
import type { AuditEntry, Database } from '#db';
import type { AuditView, QueryOf } from '#web-api';
import { toListed, toPageRequest } from '../access/list-page.ts';
import { listScope } from '../access/permit.ts';
import type { Listed, Person } from '../use-cases.ts';

/** Rows of no organisation (sign-ins, refused strangers) are for system admins alone. */
export async function listAudit(
  database: Pick<Database, 'audit' | 'organizations'>,
  person: Person,
  query: QueryOf<'audit.list'>,
): Promise<Listed<AuditView>> {
  const scope = await listScope(database.organizations, person, 'audit.read', query.org_id);
  const filter = query.object === undefined ? {} : { object: query.object };
  return toListed(await database.audit.list(scope, filter, toPageRequest(query)), auditView);
}

const auditView = (entry: AuditEntry): AuditView => ({
  id: entry.id,
  at: entry.at.toISOString(),
  organization_id: entry.orgId,
  actor: entry.actor,
  ip_address: entry.ipAddress,
  action: entry.action,
  object: entry.object,
  outcome: entry.outcome,
  detail: entry.detail,
});
