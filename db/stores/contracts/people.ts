/** Stores of organisations, people and their sessions. */
import type { Page, PageRequest } from './page.ts';

export interface Organization {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly deviceCount: number;
  /** Null: open. */
  readonly suspendedAt: Date | null;
  readonly suspensionReason: string | null;
  /** Null: not to be deleted. */
  readonly deleteAfter: Date | null;
}
export interface OrganizationStore {
  /** @throws StoreError 'conflict' on a known slug. */
  create(input: { slug: string; name: string }): Promise<Organization>;
  find(orgId: string): Promise<Organization | null>;
  findBySlug(slug: string): Promise<Organization | null>;
  /** Null lists all; otherwise only the given ids. By name. */
  list(orgIds: readonly string[] | null, page: PageRequest): Promise<Page<Organization>>;
  rename(orgId: string, name: string): Promise<Organization | null>;
  /** Until the transaction ends nobody else suspends, resumes or deletes it. */
  lock(orgId: string): Promise<Organization | null>;
  /** `deleteAfter`: when it is to be deleted; null leaves it suspended until it is resumed. */
  suspend(
    orgId: string,
    suspension: { readonly at: Date; readonly reason: string; readonly deleteAfter: Date | null },
  ): Promise<Organization | null>;
  /** Takes back suspension and deletion. */
  resume(orgId: string): Promise<Organization | null>;
  suspendedSlugs(): Promise<readonly string[]>;
  /** Whose grace ended before `now`; oldest first. */
  dueForDeletion(now: Date): Promise<readonly { id: string; slug: string; name: string }[]>;
  /**
   * Deletes at most `limit` of its devices with all that hangs on them. Certificates and the audit log stay.
   * @returns how many
   */
  deleteDevices(orgId: string, limit: number): Promise<number>;
  /** The row itself and everything that refers to it; false while it has devices or is gone. */
  remove(orgId: string): Promise<boolean>;
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
  readonly kind: 'person' | 'service';
  /** Signs in with a password of ours; false for accounts of the identity provider. */
  readonly isLocal: boolean;
  /** A confirmed one: signing in takes a code. */
  readonly hasSecondFactor: boolean;
  readonly lastLoginAt: Date | null;
}
export interface Membership {
  readonly orgId: string;
  readonly orgSlug: string;
  readonly orgName: string;
  readonly role: Role;
  /** Device groups that the role is limited to; null: all devices. */
  readonly groupIds: readonly string[] | null;
  readonly isSuspended: boolean;
  /** What the organisation asks of its people: see OrganizationSecurity. */
  readonly allowedNetworks: readonly string[];
  readonly requireTotp: boolean;
  readonly sessionIdleMinutes: number | null;
}
export interface Member {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  /** Device groups that the role is limited to; null: all devices. */
  readonly groupIds: readonly string[] | null;
  readonly isDisabled: boolean;
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
  addMember(orgId: string, userId: string, role: Role, groupIds?: readonly string[] | null): Promise<void>;
  /** Without `groupIds` the role is for all devices. */
  updateMember(
    orgId: string,
    userId: string,
    role: Role,
    groupIds?: readonly string[] | null,
  ): Promise<boolean>;
  removeMember(orgId: string, userId: string): Promise<boolean>;
  /** Ids of the people that administer the organisation and can sign in, locked until the transaction ends. */
  lockOrgAdmins(orgId: string): Promise<readonly string[]>;
}

export interface Session {
  /** By which its owner names it. */
  readonly id: string;
  readonly tokenHash: string;
  readonly userId: string;
  readonly csrfToken: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}
export interface SessionRecord extends Session {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}
export interface SessionStore {
  create(
    input: Omit<Session, 'id' | 'lastUsedAt'> & { ipAddress: string | null; userAgent: string | null },
  ): Promise<void>;
  /**
   * Live ones only: not expired at `now`, used since `idleSince`, user not disabled. Moves `lastUsedAt` at most once a
   * minute, and not at all with `touch` false: a look at the session that is no use of it.
   */
  use(tokenHash: string, now: Date, idleSince: Date, touch?: boolean): Promise<Session | null>;
  /** Moves `lastUsedAt` of a session that was looked at, at most once a minute. */
  touch(session: Pick<Session, 'tokenHash' | 'lastUsedAt'>, now: Date): Promise<void>;
  /** Live ones of a person, last used first. */
  list(userId: string, now: Date, idleSince: Date, page: PageRequest): Promise<Page<SessionRecord>>;
  end(tokenHash: string): Promise<void>;
  /** False for a session that is not this person's. */
  endOne(userId: string, sessionId: string): Promise<boolean>;
  endAllOf(userId: string, exceptTokenHash: string | null): Promise<number>;
  deleteExpired(now: Date): Promise<number>;
}
