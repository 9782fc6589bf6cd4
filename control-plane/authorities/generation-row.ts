/** A generation of the authority as the database keeps it. Pure. */
import { createHash, X509Certificate } from 'node:crypto';
import type { InstallationAuthority } from '#db';

export type NewGeneration = Omit<InstallationAuthority, 'createdAt' | 'retiredAt'>;

export function generationRow(
  generation: { readonly id: string; readonly rootPem: string; readonly issuingPem: string },
  rest: Pick<NewGeneration, 'state' | 'serves' | 'activateAt' | 'serveAt' | 'createdBy' | 'activatedAt'>,
): NewGeneration {
  const issuing = new X509Certificate(generation.issuingPem);
  const root = new X509Certificate(generation.rootPem);
  return {
    id: generation.id,
    subject: issuing.subject.split('\n').join(', '),
    fingerprintSha256: sha256Of(issuing),
    rootFingerprintSha256: sha256Of(root),
    notBefore: new Date(issuing.validFrom),
    notAfter: new Date(issuing.validTo),
    rootNotAfter: new Date(root.validTo),
    servedAt: rest.serves ? rest.activatedAt : null,
    ...rest,
  };
}

export const sha256Of = (certificate: X509Certificate): string =>
  createHash('sha256').update(certificate.raw).digest('hex');
