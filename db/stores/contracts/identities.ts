/** Stores of what an identity provider says: whose account is whose, its roles, and its sessions. */
import type { Membership, Role } from './people.ts';

/** An account that signs in by the provider, known by (issuer, subject). */
export interface ProviderUser {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly isSystemAdmin: boolean;
  /** The provider made the person a system admin, and may take that back. */
  readonly isAdminByProvider: boolean;
  readonly disabled: boolean;
}
export interface MembershipChange {
  readonly orgId: string;
  /** Null = none. */
  readonly before: Role | null;
  readonly after: Role | null;
}
/** An organisation in which a token may give a role. */
export interface PossibleMembership extends Omit<Membership, 'role'> {
  /** Given here, not by the provider; null = none. */
  readonly localRole: Role | null;
}
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
}

export interface IdentityStore {
  /** Locks the row in a transaction. */
  find(identity: Identity): Promise<ProviderUser | null>;
  /** `passwordHash`: one that no password fits. @throws StoreError 'conflict' when another process was faster. */
  create(input: Identity & { email: string; name: string; passwordHash: string }): Promise<ProviderUser>;
  /** A local account of this e-mail that is neither disabled nor a system admin signs in by the provider from now on. */
  linkByEmail(email: string, identity: Identity): Promise<ProviderUser | null>;
  update(
    userId: string,
    input: { email: string; name: string; isSystemAdmin: boolean; isAdminByProvider: boolean },
  ): Promise<void>;
  /** What the provider says now takes the place of what it said before; memberships given here stay as they are. */
  replaceMemberships(userId: string, roles: ReadonlyMap<string, Role>): Promise<readonly MembershipChange[]>;
  /** The organisations of these slugs, and those in which the person was given a role here. */
  memberships(userId: string, slugs: readonly string[]): Promise<readonly PossibleMembership[]>;
}

/** From the click on the provider's button to its answer. Hashes are SHA-256 in hex. */
export interface ProviderSignIn {
  readonly stateHash: string;
  /** Of the secret in the browser's cookie. */
  readonly browserHash: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  readonly returnTo: string;
  readonly expiresAt: Date;
}
/** One of our sessions that hangs on a session of the provider. */
export interface ProviderSession {
  readonly id: string;
  readonly tokenHash: string;
  readonly userId: string;
  readonly issuer: string;
  readonly subject: string;
  readonly sid: string | null;
  /** Sealed. */
  readonly refreshToken: string;
}
export interface EndedProviderSessions {
  readonly userIds: readonly string[];
  readonly sessions: number;
}

export interface ProviderSessionStore {
  begin(signIn: ProviderSignIn): Promise<void>;
  /** Once: the row is gone afterwards. Null for an unknown, used or expired one, and for another browser's. */
  take(stateHash: string, browserHash: string, now: Date): Promise<ProviderSignIn | null>;
  /** Hangs a session of ours on one of the provider. */
  bind(
    input: Identity & {
      id: string;
      tokenHash: string;
      sid: string | null;
      refreshToken: string | null;
      checkedAt: Date;
    },
  ): Promise<void>;
  /** Whether a session came from the provider. */
  isBound(tokenHash: string): Promise<boolean>;
  /** Used since they were last checked, that before `checkedBefore`; longest unchecked first. */
  due(checkedBefore: Date, limit: number): Promise<readonly ProviderSession[]>;
  checked(id: string, input: { at: Date; refreshToken: string | null }): Promise<void>;
  /** Ends our sessions that hang on the provider's session, or on all of the subject's. */
  end(issuer: string, of: { sid: string | null; subject: string | null }): Promise<EndedProviderSessions>;
  /** False when this logout token was used before. */
  useLogoutToken(jtiHash: string, expiresAt: Date): Promise<boolean>;
  /** Sign-ins that were not finished, logout tokens that are too old to count. @returns rows */
  deleteExpired(now: Date): Promise<number>;
}
