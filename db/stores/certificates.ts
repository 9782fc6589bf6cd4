/** Certificates of devices and integrators, from issue to the revocation list. */
import { and, desc, eq, gt, lt, ne, type SQL, sql } from 'drizzle-orm';
import { deviceCertificates } from '../schema/enrollment.ts';
import type { CertificateStore } from './contracts/enrollment.ts';
import type { Queries } from './queries.ts';

const MAX_REASON = 200;
/** A beat or a batch of the holder came after the certificate was made: it may well be the one in use. */
const HEARD_SINCE = `(
  EXISTS (SELECT FROM device_presence p
          WHERE p.device_id = device_certificates.device_id AND p.last_heartbeat_at >= device_certificates.created_at)
  OR EXISTS (SELECT FROM ingest_cursors c
             WHERE c.device_id = device_certificates.device_id AND c.updated_at >= device_certificates.created_at))`;
const columns = {
  serial: deviceCertificates.serial,
  orgId: deviceCertificates.organizationId,
  deviceId: deviceCertificates.deviceId,
  integratorId: deviceCertificates.integratorId,
  state: deviceCertificates.state,
  subject: deviceCertificates.subject,
  fingerprintSha256: deviceCertificates.fingerprintSha256,
  keyThumbprint: deviceCertificates.keyThumbprint,
  pem: deviceCertificates.pem,
  notBefore: deviceCertificates.notBefore,
  notAfter: deviceCertificates.notAfter,
  createdAt: deviceCertificates.createdAt,
  revokedAt: deviceCertificates.revokedAt,
  revocationReason: deviceCertificates.revocationReason,
  authorityId: deviceCertificates.authorityId,
};

export function createCertificateStore({ orm, rows, count }: Queries): CertificateStore {
  const select = (condition: SQL | undefined) =>
    orm.select(columns).from(deviceCertificates).where(condition).orderBy(desc(deviceCertificates.createdAt));

  async function revokeHeld(holder: SQL | undefined, reason: string, at: Date): Promise<string[]> {
    const revoked = await orm
      .update(deviceCertificates)
      .set({ state: 'revoked', revokedAt: at, revocationReason: reason.slice(0, MAX_REASON) })
      .where(and(holder, ne(deviceCertificates.state, 'revoked')))
      .returning({ serial: deviceCertificates.serial });
    return revoked.map(({ serial }) => serial);
  }

  return {
    async add({ orgId, ...certificate }) {
      const holderId = certificate.deviceId ?? certificate.integratorId;
      if (holderId === null) throw new Error('a certificate needs a device or an integrator as its holder');
      await orm.insert(deviceCertificates).values({
        ...certificate,
        holderId,
        organizationId: orgId,
        organizationSlug: sql`(SELECT slug FROM organizations WHERE id = ${orgId})`,
        // Not the transaction's start: the older one of two certificates must be known.
        createdAt: sql`clock_timestamp()`,
      });
    },

    async findBySerial(serial) {
      const [certificate] = await select(eq(deviceCertificates.serial, serial));
      return certificate ?? null;
    },

    ofDevice: (orgId, deviceId) =>
      select(and(eq(deviceCertificates.organizationId, orgId), eq(deviceCertificates.deviceId, deviceId))),

    ofIntegrator: (orgId, integratorId) =>
      select(
        and(eq(deviceCertificates.organizationId, orgId), eq(deviceCertificates.integratorId, integratorId)),
      ),

    async activate(serial) {
      const [result] = await rows<{ activated: boolean }>(
        `WITH activated AS (
           UPDATE device_certificates SET state = 'active' WHERE serial = $1 AND state = 'pending'
           RETURNING serial, holder_id, created_at
         ), superseded AS (
           UPDATE device_certificates older SET state = 'superseded'
           FROM activated newer
           WHERE older.holder_id = newer.holder_id AND older.serial <> newer.serial AND older.state = 'active'
             AND older.created_at <= newer.created_at
         )
         SELECT EXISTS (SELECT FROM activated) AS activated`,
        [serial],
      );
      return result?.activated === true;
    },

    revokeOfDevice: (orgId, deviceId, reason, at) =>
      revokeHeld(
        and(eq(deviceCertificates.organizationId, orgId), eq(deviceCertificates.deviceId, deviceId)),
        reason,
        at,
      ),

    revokeOfIntegrator: (orgId, integratorId, reason, at) =>
      revokeHeld(
        and(eq(deviceCertificates.organizationId, orgId), eq(deviceCertificates.integratorId, integratorId)),
        reason,
        at,
      ),

    revokeOfOrganization: (orgId, reason, at) =>
      revokeHeld(eq(deviceCertificates.organizationId, orgId), reason, at),

    activateHeard: () =>
      count(
        `UPDATE device_certificates SET state = 'active' WHERE serial IN (
           SELECT DISTINCT ON (device_id) serial FROM device_certificates
           WHERE state = 'pending' AND ${HEARD_SINCE} AND NOT EXISTS (
             SELECT FROM device_certificates other
             WHERE other.device_id = device_certificates.device_id AND other.state = 'active')
           ORDER BY device_id, created_at DESC)`,
        [],
      ),

    revokeStalePending: (before, at) =>
      revokeHeld(
        and(
          eq(deviceCertificates.state, 'pending'),
          lt(deviceCertificates.createdAt, before),
          sql`NOT ${sql.raw(HEARD_SINCE)}`,
        ),
        'never used',
        at,
      ),

    async revoked(now) {
      const found = await orm
        .select({
          serial: deviceCertificates.serial,
          revokedAt: deviceCertificates.revokedAt,
          reason: deviceCertificates.revocationReason,
          authorityId: deviceCertificates.authorityId,
        })
        .from(deviceCertificates)
        .where(and(eq(deviceCertificates.state, 'revoked'), gt(deviceCertificates.notAfter, now)))
        .orderBy(deviceCertificates.serial);
      return found.flatMap(({ serial, revokedAt, reason, authorityId }) =>
        revokedAt === null ? [] : [{ serial, revokedAt, reason, authorityId }],
      );
    },
  };
}
