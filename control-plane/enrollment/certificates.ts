/** What the authority is asked for, and the row that is kept of each certificate. */
import { type Authority, CsrError, type IssuedCertificate, parseCsr, type Subject } from '#certs';
import { commonNameOf, identityUriOf, organizationNameOf, type Principal } from '#contract';
import type { CertificateStore } from '#db';
import { AppError } from '../errors.ts';

type Holder = Extract<Principal, { kind: 'device' | 'integration' }>;

/** A private key where the platform made it: given out once, kept nowhere. */
export type NewCertificate = IssuedCertificate & { readonly privateKeyPem?: string };

/** @throws AppError 'enrollment.csr_invalid' */
export function issueFor(
  authority: Authority,
  holder: Holder,
  csrPem: string | undefined,
  days: number,
): NewCertificate {
  const subject: Subject = {
    commonName: commonNameOf(holder),
    organization: organizationNameOf(holder),
    unit: holder.kind,
  };
  const input = {
    subject,
    identityUri: identityUriOf(holder),
    days,
    // RabbitMQ and NATS know a device by it (DESIGN §4).
    ...(holder.kind === 'device' ? { dnsName: `${holder.org}.${holder.device}` } : {}),
  };
  return refusingBadRequests(() =>
    csrPem === undefined ? authority.issueForNewKey(input) : authority.issue({ ...input, csrPem }),
  );
}

/** SHA-256 of the key's SPKI, lower hex. @throws AppError 'enrollment.csr_invalid' */
export const keyThumbprintOf = (csrPem: string): string =>
  refusingBadRequests(() => parseCsr(csrPem).keyThumbprint);

export const certificateRow = (
  issued: IssuedCertificate,
  holder: { orgId: string; deviceId: string | null; integratorId: string | null },
  state: 'pending' | 'active',
): Parameters<CertificateStore['add']>[0] => ({
  serial: issued.serial,
  orgId: holder.orgId,
  deviceId: holder.deviceId,
  integratorId: holder.integratorId,
  state,
  subject: issued.subject,
  fingerprintSha256: issued.fingerprintSha256,
  keyThumbprint: issued.keyThumbprint,
  pem: issued.pem,
  notBefore: issued.notBefore,
  notAfter: issued.notAfter,
  authorityId: issued.authorityId,
});

function refusingBadRequests<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CsrError)) throw error;
    throw new AppError('enrollment.csr_invalid', { detail: error.message, cause: error });
  }
}
