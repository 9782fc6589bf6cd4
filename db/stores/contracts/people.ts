/** Stores of organisations, people and their sessions. */
import type { Page, PageRequest } from './page.ts';

export interface Organization {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly deviceCount: number;
}
export interface OrganizationStore {
  /** @throws StoreError 'conflict' on a known slug. */
  create(input: { slug: string; name: string }): Promise<Organization>;
  find(orgId: string): Promise<Organization | null>;
  findBySlug(slug: string): Promise<Organization | null>;
  /** Null lists all; otherwise only the given ids. By name. */
  list(orgIds: readonly string[] | null, page: PageRequest): Promise<Page<Organization>>;
  rename(orgId: string, name: string): Promise<Organization | null>;
}

/** In one organisation. */
export type Role = 'org_admin' | 'operator' | 'release_manager' | 'auditor' | 'org_member';

export interface User {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly passwordHash: string;
  readonly isSystemAdmin: boolean;
  readonly mustChangePassword: boolean;
  readonly disabled: boolean;
  readonly lastLoginAt: Date | null;
}
export interface Membership {
  readonly orgId: string;
  readonly orgSlug: string;
  readonly orgName: string;
  readonly role: Role;
}
export interface Member {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: Date;
  readonly lastLoginAt: Date | null;
}
export interface UserStore {
  count(): Promise<number>;
  /** E-mail is compared without case. @throws StoreError 'conflict' */
  create(input: {
    email: string;
    name: string;
    passwordHash: string;
    isSystemAdmin: boolean;
    mustChangePassword: boolean;
  }): Promise<User>;
  find(userId: string): Promise<User | null>;
  findByEmail(email: string): Promise<User | null>;
  setPassword(userId: string, passwordHash: string, mustChangePassword: boolean): Promise<void>;
  recordLogin(userId: string, at: Date): Promise<void>;
  memberships(userId: string): Promise<readonly Membership[]>;
  members(orgId: string, page: PageRequest): Promise<Page<Member>>;
  member(orgId: string, userId: string): Promise<Member | null>;
  /** @throws StoreError 'conflict' when already a member. */
  addMember(orgId: string, userId: string, role: Role): Promise<void>;
  updateMember(orgId: string, userId: string, role: Role): Promise<boolean>;
  removeMember(orgId: string, userId: string): Promise<boolean>;
}

export interface Session {
  readonly tokenHash: string;
  readonly userId: string;
  readonly csrfToken: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}
export interface SessionStore {
  create(
    input: Omit<Session, 'lastUsedAt'> & { ipAddress: string | null; userAgent: string | null },
  ): Promise<void>;
  /**
   * Live ones only: not expired at `now`, used since `idleSince`, user not disabled. Moves `lastUsedAt` at most once a
   * minute, and not at all with `touch` false: a look at the session that is no use of it.
   */
  use(tokenHash: string, now: Date, idleSince: Date, touch?: boolean): Promise<Session | null>;
  end(tokenHash: string): Promise<void>;
  endAllOf(userId: string, exceptTokenHash: string | null): Promise<number>;
  deleteExpired(now: Date): Promise<number>;
}
