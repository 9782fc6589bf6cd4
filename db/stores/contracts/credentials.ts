/** Stores of second factors, API keys and service accounts. */
import type { Page, PageRequest } from './page.ts';
import type { Role } from './people.ts';

export interface SecondFactor {
  readonly sealedSecret: string;
  /** Null until the first code was right; until then it protects nothing. */
  readonly confirmedAt: Date | null;
  readonly recoveryCodesLeft: number;
}
export interface SecondFactorStore {
  find(userId: string): Promise<SecondFactor | null>;
  /** Replaces one that was begun and not confirmed. False where a confirmed one stands. */
  begin(userId: string, sealedSecret: string, at: Date): Promise<boolean>;
  /** False where none was begun, or where it is confirmed already. */
  confirm(userId: string, step: number, at: Date): Promise<boolean>;
  /** Uses the code of this 30 s step up. False where it or a later one was used: a replay. */
  takeStep(userId: string, step: number): Promise<boolean>;
  /** False for an unknown or used code. */
  takeRecoveryCode(userId: string, codeHash: string, at: Date): Promise<boolean>;
  replaceRecoveryCodes(userId: string, codeHashes: readonly string[]): Promise<void>;
  remove(userId: string): Promise<boolean>;
}

export interface ApiKey {
  readonly id: string;
  /** `ock_…`, the part that may be shown. */
  readonly prefix: string;
  readonly userId: string;
  /** Of a service account's key; null for a person's own. */
  readonly orgId: string | null;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly createdBy: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly lastUsedIp: string | null;
}
export interface ApiKeyStore {
  create(
    input: Pick<
      ApiKey,
      'prefix' | 'userId' | 'orgId' | 'name' | 'scopes' | 'createdBy' | 'createdAt' | 'expiresAt'
    > & { readonly secretHash: string },
  ): Promise<ApiKey>;
  /** Whatever its state: the caller decides whether it still opens anything. */
  findByPrefix(prefix: string): Promise<(ApiKey & { readonly secretHash: string }) | null>;
  /** Newest first. */
  list(userId: string, page: PageRequest): Promise<Page<ApiKey>>;
  countLive(userId: string, now: Date): Promise<number>;
  /** The key as it is then; null for an unknown one of this user. Revoking twice changes nothing. */
  revoke(userId: string, keyId: string, at: Date): Promise<ApiKey | null>;
  recordUse(keyId: string, at: Date, ipAddress: string | null): Promise<void>;
  /** Removes keys that expired or were revoked before then. */
  deleteEnded(before: Date): Promise<number>;
}

export interface ServiceAccount {
  /** Its user id. */
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly role: Role;
  readonly createdBy: string | null;
  readonly createdAt: Date;
  /** Live ones. */
  readonly keyCount: number;
  readonly lastUsedAt: Date | null;
}
export interface ServiceAccountStore {
  /** Its user cannot sign in. @throws StoreError 'conflict' (`service_account`) on a known name. */
  create(orgId: string, input: { name: string; role: Role; createdBy: string }): Promise<ServiceAccount>;
  find(orgId: string, accountId: string): Promise<ServiceAccount | null>;
  /** By name. */
  list(orgId: string, page: PageRequest): Promise<Page<ServiceAccount>>;
  count(orgId: string): Promise<number>;
  setRole(orgId: string, accountId: string, role: Role): Promise<boolean>;
  /** With its user and keys. */
  delete(orgId: string, accountId: string): Promise<boolean>;
}
