/** Who a verified client certificate speaks for. Pure. */
import type { X509Certificate } from 'node:crypto';
import { readCertificate } from '#certs';
import { commonNameOf, organizationNameOf, type Principal, parseIdentityUri } from '#contract';

export interface Identity {
  readonly principal: Principal;
  /** The only client id that its holder may use. */
  readonly clientId: string;
  /** Lower hex, the key of the deny-list. */
  readonly serial: string;
}

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/**
 * The SAN URI decides; CN, O and OU must say the same, and the certificate must be a client's and no CA's.
 * TLS has checked chain, dates and signature before.
 * @returns null for every certificate that leaves a doubt.
 */
export function identityOf(certificate: X509Certificate): Identity | null {
  if (certificate.ca || certificate.keyUsage?.join() !== CLIENT_AUTH) return null;
  try {
    const facts = readCertificate(certificate.raw);
    const [uri, second] = facts.identityUris;
    const principal = uri === undefined || second !== undefined ? null : parseIdentityUri(uri);
    if (
      facts.isAuthority ||
      principal === null ||
      facts.commonName !== commonNameOf(principal) ||
      facts.organization !== organizationNameOf(principal) ||
      facts.unit !== principal.kind
    ) {
      return null;
    }
    return { principal, clientId: facts.commonName, serial: facts.serial };
  } catch {
    // Two common names, names in odd encodings: the caller counts it as an unknown identity.
    return null;
  }
}
