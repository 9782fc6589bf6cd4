/** What people can see and decide of certificates and authorities; the same conditions as in use-cases.ts. */
import type { AuthorityView, BodyOf, CertificateEntry, CertificateSummary, QueryOf } from '#web-api';
import type { Listed, Person } from './use-cases.ts';

export interface CertificateUseCases {
  list(person: Person, query: QueryOf<'certificates.list'>): Promise<Listed<CertificateEntry>>;
  summary(person: Person, query: QueryOf<'certificates.summary'>): Promise<CertificateSummary>;
  /** @throws 'certificate.not_found', 'certificate.revoked' */
  revoke(person: Person, serial: string, body: BodyOf<'certificates.revoke'>): Promise<void>;
  listAuthorities(person: Person): Promise<{ items: AuthorityView[] }>;
  /** @throws 'authority.changing' while a change is under way */
  rollover(person: Person, body: BodyOf<'authorities.rollover'>): Promise<AuthorityView>;
  /** @throws 'authority.not_found', 'authority.in_use', 'authority.confirmation' */
  retire(person: Person, authorityId: string, body: BodyOf<'authorities.retire'>): Promise<AuthorityView>;
}
