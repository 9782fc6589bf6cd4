/** Every certificate of devices and integrators, by the end of its life. */
import { and, eq, ilike, lt, ne, or, type SQL, sql } from 'drizzle-orm';
import { edgeDevices } from '../schema/devices.ts';
import { deviceCertificates, integrators } from '../schema/enrollment.ts';
import type {
  BoardCounts,
  BoardFilter,
  BoardState,
  CertificateBoardStore,
  CertificateKind,
} from './contracts/authorities.ts';
import { openPage } from './page.ts';
import { allOf, inScope, type Queries, type Scope } from './queries.ts';

const MAX_REASON = 200;
const DAY_MS = 86_400_000;

const certificates = deviceCertificates;
const stateAt = (now: Date): SQL<BoardState> =>
  sql<BoardState>`CASE WHEN ${certificates.state} <> 'revoked' AND ${certificates.notAfter} <= ${now} THEN 'expired' ELSE ${certificates.state} END`;
/** Rows outlive their holder; what they named tells the kind. */
const KIND = sql<CertificateKind>`CASE WHEN ${certificates.subject} LIKE '%OU=integration%' THEN 'integrator' ELSE 'device' END`;
const HOLDER = sql<string | null>`coalesce(${edgeDevices.name}, ${integrators.name})`;

export function createCertificateBoardStore({ orm, rows }: Queries): CertificateBoardStore {
  const columnsAt = (now: Date) => ({
    serial: certificates.serial,
    orgId: certificates.organizationId,
    kind: KIND,
    deviceId: certificates.deviceId,
    integratorId: certificates.integratorId,
    holderName: HOLDER,
    state: stateAt(now),
    subject: certificates.subject,
    fingerprintSha256: certificates.fingerprintSha256,
    notBefore: certificates.notBefore,
    notAfter: certificates.notAfter,
    createdAt: certificates.createdAt,
    revokedAt: certificates.revokedAt,
    revocationReason: certificates.revocationReason,
    authorityId: certificates.authorityId,
  });

  return {
    async list(scope, filter, now, request) {
      const page = openPage(
        {
          parts: [
            { key: certificates.notAfter, kind: 'time' },
            { key: certificates.serial, kind: 'text' },
          ],
          descending: false,
          boundTo: ['certificates', scope, filter],
        },
        request,
      );
      const matches = matching(scope, filter, now);
      const found = await orm
        .select({ ...columnsAt(now), cursorKeys: page.cursorKeys })
        .from(certificates)
        .leftJoin(edgeDevices, eq(edgeDevices.id, certificates.deviceId))
        .leftJoin(integrators, eq(integrators.id, certificates.integratorId))
        .where(and(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const [total] = await orm
        .select({ count: sql<string>`count(*)` })
        .from(certificates)
        .leftJoin(edgeDevices, eq(edgeDevices.id, certificates.deviceId))
        .leftJoin(integrators, eq(integrators.id, certificates.integratorId))
        .where(matches);
      return page.close(found, Number(total?.count ?? 0), ({ cursorKeys: _, ...entry }) => entry);
    },

    async counts(scope, now) {
      const orgIds = scope === null ? null : typeof scope === 'string' ? [scope] : [...scope];
      const ends = [0, 1, 7, 30].map((days) => new Date(now.getTime() + days * DAY_MS));
      const [found] = await rows<Record<keyof BoardCounts, string>>(
        `SELECT
           count(*) FILTER (WHERE state <> 'revoked' AND state <> 'superseded' AND not_after <= $2) AS expired,
           count(*) FILTER (WHERE ${IN_USE} AND not_after > $2 AND not_after <= $3) AS "withinDay",
           count(*) FILTER (WHERE ${IN_USE} AND not_after > $3 AND not_after <= $4) AS "withinWeek",
           count(*) FILTER (WHERE ${IN_USE} AND not_after > $4 AND not_after <= $5) AS "withinMonth",
           count(*) FILTER (WHERE ${IN_USE} AND not_after > $5) AS later,
           count(*) FILTER (WHERE state = 'revoked') AS revoked
         FROM device_certificates WHERE $1::uuid[] IS NULL OR organization_id = ANY ($1::uuid[])`,
        [orgIds, ...ends],
      );
      const count = (key: keyof BoardCounts): number => Number(found?.[key] ?? 0);
      return {
        expired: count('expired'),
        withinDay: count('withinDay'),
        withinWeek: count('withinWeek'),
        withinMonth: count('withinMonth'),
        later: count('later'),
        revoked: count('revoked'),
      };
    },

    async find(serial, now) {
      const [entry] = await orm
        .select(columnsAt(now))
        .from(certificates)
        .leftJoin(edgeDevices, eq(edgeDevices.id, certificates.deviceId))
        .leftJoin(integrators, eq(integrators.id, certificates.integratorId))
        .where(eq(certificates.serial, serial));
      return entry ?? null;
    },

    async revoke(orgId, serial, reason, at) {
      const result = await orm
        .update(certificates)
        .set({ state: 'revoked', revokedAt: at, revocationReason: reason.slice(0, MAX_REASON) })
        .where(
          and(
            eq(certificates.organizationId, orgId),
            eq(certificates.serial, serial),
            ne(certificates.state, 'revoked'),
          ),
        );
      return result.rowCount === 1;
    },
  };
}

const IN_USE = `state IN ('pending', 'active')`;

function matching(scope: Scope, filter: BoardFilter, now: Date): SQL {
  const { state, kind, expiresBefore, search } = filter;
  const pattern = search === undefined || search === '' ? null : search.replaceAll(/[\\%_]/g, '\\$&');
  return allOf(
    inScope(certificates.organizationId, scope),
    state === undefined ? undefined : sql`${stateAt(now)} = ${state}`,
    kind === undefined ? undefined : sql`${KIND} = ${kind}`,
    expiresBefore === undefined ? undefined : lt(certificates.notAfter, expiresBefore),
    pattern === null
      ? undefined
      : or(
          ilike(certificates.subject, `%${pattern}%`),
          sql`${HOLDER} ILIKE ${`%${pattern}%`}`,
          ilike(certificates.serial, `${pattern}%`),
        ),
  );
}
