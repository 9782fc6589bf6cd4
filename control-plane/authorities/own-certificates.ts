/** The installation's own certificates as its folder holds them: authorities, servers, services. */
import type { Authority } from '#certs';
import type { CertificateEntry } from '#web-api';
import { ownEntryView } from './certificate-entry.ts';

/** By the end of their life, the nearest first. */
export async function ownCertificates(
  authority: Pick<Authority, 'generations' | 'endpoints'>,
  now: Date,
): Promise<CertificateEntry[]> {
  const roots = new Set<string>();
  const authorities = authority.generations.flatMap(({ id, rootPem, issuingPem, state }) => {
    const isKnown = roots.has(rootPem);
    roots.add(rootPem);
    const issuing = { kind: 'ca', holder: `Issuing CA ${id} (${state})`, pem: issuingPem } as const;
    const root = { kind: 'ca', holder: `Root of ${id}`, pem: rootPem } as const;
    return (isKnown ? [issuing] : [issuing, root]).map((own) => ({ ...own, authorityId: id }));
  });
  const endpoints = (await authority.endpoints()).map(({ kind, name, chainPem, authorityId }) => ({
    kind,
    holder: name,
    pem: chainPem,
    authorityId,
  }));
  return [...authorities, ...endpoints]
    .map((own) => ownEntryView(own, now))
    .sort((left, right) => left.not_after.localeCompare(right.not_after));
}

export interface OwnFilter {
  readonly state?: string | undefined;
  readonly kind?: string | undefined;
  readonly expiresBefore?: Date | undefined;
  readonly search?: string | undefined;
}

/** Pure; as the database filters the certificates of devices. */
export function matchesOwn(
  entry: CertificateEntry,
  { state, kind, expiresBefore, search }: OwnFilter,
): boolean {
  const wanted = search?.toLowerCase() ?? '';
  return (
    (state === undefined || entry.state === state) &&
    (kind === undefined || entry.kind === kind) &&
    (expiresBefore === undefined || new Date(entry.not_after) < expiresBefore) &&
    (wanted === '' ||
      `${entry.holder} ${entry.subject}`.toLowerCase().includes(wanted) ||
      entry.serial.startsWith(wanted))
  );
}
