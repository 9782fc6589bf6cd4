/** Stores of the installation's certificate authorities, and of the board over all certificates. */
import type { Certificate } from './enrollment.ts';
import type { Page, PageRequest } from './page.ts';

export const AUTHORITY_STATES = ['next', 'active', 'retiring', 'retired'] as const;

/** One generation: a root with its issuing CA. */
export interface InstallationAuthority {
  readonly id: string;
  readonly state: (typeof AUTHORITY_STATES)[number];
  /** Of the issuing CA, as its dates. */
  readonly subject: string;
  readonly fingerprintSha256: string;
  readonly rootFingerprintSha256: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly rootNotAfter: Date;
  /** Signs our own servers. */
  readonly serves: boolean;
  readonly activateAt: Date;
  readonly serveAt: Date;
  readonly createdAt: Date;
  readonly createdBy: string | null;
  readonly activatedAt: Date | null;
  readonly servedAt: Date | null;
  readonly retiredAt: Date | null;
}

/** What depends on a generation, and who knows its root. */
export interface AuthorityDependants {
  /** Neither revoked nor expired. */
  readonly certificates: number;
  /** Devices with a live link. */
  readonly connected: number;
  /** Of these, the ones whose last report names the root among those they trust. */
  readonly informed: number;
}

export interface AuthorityStore {
  /** Oldest first. */
  all(): Promise<readonly InstallationAuthority[]>;
  /** As `all`, locked until the transaction ends: who changes states comes one after the other. */
  lock(): Promise<readonly InstallationAuthority[]>;
  /** @returns false where one of this id is there already. @throws StoreError 'conflict' where a state is taken. */
  add(authority: Omit<InstallationAuthority, 'createdAt' | 'retiredAt'>): Promise<boolean>;
  change(
    id: string,
    changes: Partial<
      Pick<InstallationAuthority, 'state' | 'serves' | 'activatedAt' | 'servedAt' | 'retiredAt'>
    >,
  ): Promise<void>;
  /** `rootMark`: as devices name the root in their facts. */
  dependants(id: string, rootMark: string, now: Date): Promise<AuthorityDependants>;
  /** Revokes up to `limit` certificates that the generation signed. @returns their serials */
  revokeIssued(id: string, reason: string, at: Date, limit: number): Promise<readonly string[]>;
}

export type CertificateKind = 'device' | 'integrator';
/** `expired` wins over all states but `revoked`. */
export type BoardState = Certificate['state'] | 'expired';

export interface BoardEntry {
  readonly serial: string;
  readonly orgId: string;
  readonly kind: CertificateKind;
  readonly deviceId: string | null;
  readonly integratorId: string | null;
  /** Of the device or integrator; null where it is gone. */
  readonly holderName: string | null;
  readonly state: BoardState;
  readonly subject: string;
  readonly fingerprintSha256: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
  readonly revocationReason: string | null;
  readonly authorityId: string | null;
}

export interface BoardFilter {
  readonly state?: BoardState | undefined;
  readonly kind?: CertificateKind | undefined;
  readonly expiresBefore?: Date | undefined;
  /** Part of the holder's name or of the subject, or the start of a serial. */
  readonly search?: string | undefined;
}

/** Certificates in use (pending and active) by what is left of their life; `expired` and `revoked` beside them. */
export interface BoardCounts {
  readonly expired: number;
  readonly withinDay: number;
  readonly withinWeek: number;
  readonly withinMonth: number;
  readonly later: number;
  readonly revoked: number;
}

export interface CertificateBoardStore {
  /** By the end of their life, the nearest first. */
  list(
    scope: string | null | readonly string[],
    filter: BoardFilter,
    now: Date,
    page: PageRequest,
  ): Promise<Page<BoardEntry>>;
  counts(scope: string | null | readonly string[], now: Date): Promise<BoardCounts>;
  find(serial: string, now: Date): Promise<BoardEntry | null>;
  /** @returns false where it was revoked before. */
  revoke(orgId: string, serial: string, reason: string, at: Date): Promise<boolean>;
}
