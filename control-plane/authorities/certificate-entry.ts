/** A certificate as the board shows it: of a holder in the database, or one of the installation's own. Pure. */
import { X509Certificate } from 'node:crypto';
import type { BoardEntry } from '#db';
import type { CertificateEntry, CertificateKind } from '#web-api';
import { sha256Of } from './generation-row.ts';

export const boardEntryView = (entry: BoardEntry): CertificateEntry => ({
  serial: entry.serial,
  kind: entry.kind,
  state: entry.state,
  organization_id: entry.orgId,
  device_id: entry.deviceId,
  integrator_id: entry.integratorId,
  holder: entry.holderName,
  subject: entry.subject,
  fingerprint_sha256: entry.fingerprintSha256,
  authority_id: entry.authorityId ?? 'ca',
  not_before: entry.notBefore.toISOString(),
  not_after: entry.notAfter.toISOString(),
  created_at: entry.createdAt.toISOString(),
  revoked_at: entry.revokedAt?.toISOString() ?? null,
  revocation_reason: entry.revocationReason,
});

/** One of our own: nobody revokes it here, a new one takes its place. */
export function ownEntryView(
  own: {
    readonly kind: Extract<CertificateKind, 'service' | 'server' | 'ca'>;
    readonly holder: string;
    readonly pem: string;
    readonly authorityId: string | null;
  },
  now: Date,
): CertificateEntry {
  const certificate = new X509Certificate(own.pem);
  const notBefore = new Date(certificate.validFrom).toISOString();
  return {
    serial: certificate.serialNumber.toLowerCase().replace(/^0+(?=.)/, ''),
    kind: own.kind,
    state: new Date(certificate.validTo) <= now ? 'expired' : 'active',
    organization_id: null,
    device_id: null,
    integrator_id: null,
    holder: own.holder,
    subject: certificate.subject.split('\n').join(', '),
    fingerprint_sha256: sha256Of(certificate),
    authority_id: own.authorityId,
    not_before: notBefore,
    not_after: new Date(certificate.validTo).toISOString(),
    created_at: notBefore,
    revoked_at: null,
    revocation_reason: null,
  };
}
