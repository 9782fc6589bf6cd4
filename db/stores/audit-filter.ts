/** Which rows of the audit log a reader asks for. Pure. */
import { and, eq, gte, lt, or, type SQL, sql } from 'drizzle-orm';
import { auditLog } from '../schema/records.ts';
import type { AuditFilter } from './contracts/records.ts';

/** What of a filter a cursor belongs to. */
export const boundTo = (filter: AuditFilter): unknown[] => [
  filter.object,
  filter.actor,
  filter.actorKind,
  filter.action,
  filter.outcome,
  filter.from?.getTime(),
  filter.to?.getTime(),
  filter.text,
];

/** A text without its kind matches the id: `device:1`, or `1` alone. */
const isNamed = (whole: SQL, id: SQL, text: string | undefined): SQL | undefined =>
  text === undefined ? undefined : sql`(${whole} = ${text} OR ${id} = ${text})`;

export function auditConditions(filter: AuditFilter): SQL | undefined {
  const { actorKind, action, outcome, from, to } = filter;
  return and(
    isNamed(sql`${auditLog.actor}`, sql`${auditLog.actorId}`, filter.actor),
    actorKind === undefined ? undefined : eq(auditLog.actorKind, actorKind),
    // `member.*` is every action on members.
    action === undefined
      ? undefined
      : action.endsWith('.*')
        ? sql`starts_with(${auditLog.action}, ${action.slice(0, -1)})`
        : eq(auditLog.action, action),
    isNamed(sql`${auditLog.object}`, sql`${auditLog.objectId}`, filter.object),
    outcome === undefined ? undefined : eq(auditLog.outcome, outcome),
    from === undefined ? undefined : gte(auditLog.at, from),
    to === undefined ? undefined : lt(auditLog.at, to),
    filter.text === undefined ? undefined : containsText(filter.text),
  );
}

function containsText(text: string): SQL | undefined {
  const pattern = `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
  const columns = [
    auditLog.actor,
    auditLog.action,
    auditLog.object,
    auditLog.errorCode,
    sql`host(${auditLog.ipAddress})`,
  ];
  return or(...columns.map((column) => sql`${column} ILIKE ${pattern}`));
}
