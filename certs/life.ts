/** How long certificates live and when the next one is due. Pure. */
import type { X509Certificate } from 'node:crypto';

export const DAY_MS = 86_400_000;
/** Clients whose clock runs a little late must still accept a new certificate. */
const BACKDATE_MS = 5 * 60_000;
/** Part of a certificate's life after which the next one is made. */
const RENEW_AFTER = 2 / 3;

/** From a little before `at`, for `days`, but never beyond the parent. */
export function lifeOf(
  days: number,
  at: Date,
  parent?: X509Certificate,
): { notBefore: Date; notAfter: Date } {
  const end = at.getTime() + days * DAY_MS;
  const parentEnd = parent === undefined ? end : Date.parse(parent.validTo);
  return {
    notBefore: new Date(at.getTime() - BACKDATE_MS),
    notAfter: new Date(Math.min(end, parentEnd)),
  };
}

/** Has it passed two thirds of its life? */
export function isWorn(certificate: X509Certificate, at: Date): boolean {
  const start = Date.parse(certificate.validFrom);
  const end = Date.parse(certificate.validTo);
  return at.getTime() >= start + (end - start) * RENEW_AFTER;
}
