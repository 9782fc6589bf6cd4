/** Registrations that wait for people, and what was decided on them. */
import { and, eq, inArray, ne, or, type SQL, sql } from 'drizzle-orm';
import { edgeDevices } from '../schema/devices.ts';
import { enrollmentRequests, registrationTokens } from '../schema/enrollment.ts';
import type {
  EnrollmentRequest,
  EnrollmentRequestState,
  EnrollmentRequestStore,
} from './contracts/enrollment-requests.ts';
import { openPage } from './page.ts';
import { allOf, inScope, isoOf, type Queries } from './queries.ts';

/** Not decided for good: such a row still leads to a certificate, or may. */
const OPEN: EnrollmentRequestState[] = ['waiting', 'approved'];

export function createEnrollmentRequestStore({ orm, count }: Queries): EnrollmentRequestStore {
  const select = <C extends Record<string, SQL>>(now: Date, more: C) =>
    orm
      .select({ ...columnsAt(now), ...more })
      .from(enrollmentRequests)
      // A token of another organisation, which hardware was claimed from, may be out of sight.
      .leftJoin(registrationTokens, eq(registrationTokens.id, enrollmentRequests.tokenId));

  async function findWhere(condition: SQL | undefined, now: Date): Promise<EnrollmentRequest | null> {
    const [request] = await select(now, {}).where(condition);
    return request ?? null;
  }

  return {
    async create(orgId, { at, name, type, csrPem, ...input }) {
      const [made] = await orm
        .insert(enrollmentRequests)
        .values({
          ...input,
          organizationId: orgId,
          csr: csrPem,
          name,
          type,
          state: 'waiting',
          requestedAt: at,
          lastAskedAt: at,
        })
        .returning({ id: enrollmentRequests.id });
      if (made === undefined) throw new Error('the new request was not returned');
      return made.id;
    },

    findByKey: (tokenId, hardwareId, keyThumbprint, now) =>
      findWhere(
        and(
          eq(enrollmentRequests.tokenId, tokenId),
          eq(enrollmentRequests.hardwareId, hardwareId),
          eq(enrollmentRequests.keyThumbprint, keyThumbprint),
        ),
        now,
      ),

    find: (orgId, requestId, now) =>
      findWhere(
        allOf(eq(enrollmentRequests.id, requestId), inScope(enrollmentRequests.organizationId, orgId)),
        now,
      ),

    async list(scope, { state, search }, request, now) {
      const page = openPage(
        {
          parts: [
            { key: enrollmentRequests.requestedAt, kind: 'time' },
            { key: enrollmentRequests.id, kind: 'uuid' },
          ],
          descending: true,
          boundTo: ['enrollment-requests', scope, state, search],
        },
        request,
      );
      const matches = allOf(
        inScope(enrollmentRequests.organizationId, scope),
        state === undefined ? undefined : sql`${stateAt(now)} = ${state}`,
        search === undefined || search === '' ? undefined : containing(search),
      );
      const found = await select(now, { cursorKeys: page.cursorKeys })
        .where(allOf(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const [counted] = await orm
        .select({ total: sql<number>`count(*)::int` })
        .from(enrollmentRequests)
        .leftJoin(registrationTokens, eq(registrationTokens.id, enrollmentRequests.tokenId))
        .where(matches);
      return page.close(found, counted?.total ?? 0, ({ cursorKeys: _, ...item }) => item);
    },

    countWaiting: (of) =>
      orm.$count(
        enrollmentRequests,
        and(
          'orgId' in of
            ? eq(enrollmentRequests.organizationId, of.orgId)
            : eq(enrollmentRequests.tokenId, of.tokenId),
          eq(enrollmentRequests.state, 'waiting'),
        ),
      ),

    countKeys: (tokenId, hardwareId) =>
      orm.$count(
        enrollmentRequests,
        and(eq(enrollmentRequests.tokenId, tokenId), eq(enrollmentRequests.hardwareId, hardwareId)),
      ),

    async touch(requestId, at) {
      await orm
        .update(enrollmentRequests)
        .set({ lastAskedAt: at })
        .where(eq(enrollmentRequests.id, requestId));
    },

    async decide(orgId, requestId, { from, state, by, reason, deviceId, at }) {
      const result = await orm
        .update(enrollmentRequests)
        .set({
          state,
          decidedAt: at,
          decidedBy: by,
          ...(reason === undefined ? {} : { reason }),
          ...(deviceId === undefined ? {} : { deviceId }),
        })
        .where(
          and(
            eq(enrollmentRequests.organizationId, orgId),
            eq(enrollmentRequests.id, requestId),
            inArray(enrollmentRequests.state, [...from]),
          ),
        );
      return result.rowCount === 1;
    },

    async approvedKey(hardwareId, since) {
      const [approved] = await orm
        .select({ requestId: enrollmentRequests.id, keyThumbprint: enrollmentRequests.keyThumbprint })
        .from(enrollmentRequests)
        .where(
          and(
            eq(enrollmentRequests.hardwareId, hardwareId),
            eq(enrollmentRequests.state, 'approved'),
            sql`${enrollmentRequests.decidedAt} > ${isoOf(since)}::timestamptz`,
          ),
        )
        .limit(1);
      return approved ?? null;
    },

    async endRivals(orgId, hardwareId, exceptRequestId, at) {
      const result = await orm
        .update(enrollmentRequests)
        .set({ state: 'ended', decidedAt: at, reason: 'another key of this hardware was approved' })
        .where(
          and(
            eq(enrollmentRequests.organizationId, orgId),
            eq(enrollmentRequests.hardwareId, hardwareId),
            ne(enrollmentRequests.id, exceptRequestId),
            inArray(enrollmentRequests.state, OPEN),
          ),
        );
      return result.rowCount ?? 0;
    },

    async endOfDevice(orgId, deviceId, at) {
      const result = await orm
        .update(enrollmentRequests)
        .set({ state: 'ended', decidedAt: at, reason: 'the device was revoked or deleted' })
        .where(
          and(
            eq(enrollmentRequests.organizationId, orgId),
            eq(enrollmentRequests.deviceId, deviceId),
            eq(enrollmentRequests.state, 'approved'),
          ),
        );
      return result.rowCount ?? 0;
    },

    deleteOld: (before) =>
      count(
        `DELETE FROM enrollment_requests r USING registration_tokens t
         WHERE t.id = r.token_id AND r.last_asked_at < $1
           AND (r.state <> 'waiting' OR t.revoked_at < $1 OR t.expires_at < $1 OR t.uses >= t.max_uses)`,
        [before],
      ),
  };
}

/** A registration waits no longer than its token lives. */
const stateAt = (now: Date) => sql<EnrollmentRequestState>`(CASE
    WHEN ${enrollmentRequests.state} = 'waiting' AND (${registrationTokens.revokedAt} IS NOT NULL
      OR ${registrationTokens.expiresAt} <= ${isoOf(now)}::timestamptz
      OR ${registrationTokens.uses} >= ${registrationTokens.maxUses}) THEN 'ended'
    ELSE ${enrollmentRequests.state} END)`;

const columnsAt = (now: Date) => ({
  id: enrollmentRequests.id,
  orgId: enrollmentRequests.organizationId,
  tokenId: enrollmentRequests.tokenId,
  tokenOrgId: registrationTokens.organizationId,
  tokenPrefix: registrationTokens.prefix,
  tokenName: registrationTokens.name,
  hardwareId: enrollmentRequests.hardwareId,
  keyThumbprint: enrollmentRequests.keyThumbprint,
  name: enrollmentRequests.name,
  type: enrollmentRequests.type,
  firmwareVersion: enrollmentRequests.firmwareVersion,
  ipAddress: enrollmentRequests.ipAddress,
  state: stateAt(now),
  requestedAt: enrollmentRequests.requestedAt,
  lastAskedAt: enrollmentRequests.lastAskedAt,
  decidedAt: enrollmentRequests.decidedAt,
  decidedBy: enrollmentRequests.decidedBy,
  reason: enrollmentRequests.reason,
  deviceId: enrollmentRequests.deviceId,
  rivals: sql<number>`(SELECT count(DISTINCT other.key_thumbprint)::int FROM enrollment_requests other
    WHERE other.organization_id = ${enrollmentRequests.organizationId}
      AND other.hardware_id = ${enrollmentRequests.hardwareId}
      AND other.key_thumbprint <> ${enrollmentRequests.keyThumbprint})`,
  isKnownHardware: sql<boolean>`EXISTS (SELECT FROM ${edgeDevices}
    WHERE ${edgeDevices.organizationId} = ${enrollmentRequests.organizationId}
      AND ${edgeDevices.hardwareId} = ${enrollmentRequests.hardwareId})`,
});

/** In name, hardware id or address, without case; `%` and `_` stand for themselves. */
function containing(search: string): SQL | undefined {
  const pattern = `%${search.replace(/[\\%_]/g, '\\$&')}%`;
  return or(
    sql`${enrollmentRequests.name} ILIKE ${pattern}`,
    sql`${enrollmentRequests.hardwareId} ILIKE ${pattern}`,
    sql`host(${enrollmentRequests.ipAddress}) ILIKE ${pattern}`,
  );
}
