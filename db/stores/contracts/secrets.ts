/** Store of secrets by name: where each lies, and the sealed values of those that lie here. */
import type { Page, PageRequest } from './page.ts';

export type SecretProvider = 'builtin' | 'vault' | 'aws';

export interface StoredSecret {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly provider: SecretProvider;
  readonly version: number;
  /** Of an outside provider, below the organisation's folder. */
  readonly path: string | null;
  readonly field: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly updatedBy: string;
  readonly lastResolvedAt: Date | null;
  readonly lastError: string | null;
}
export interface SecretInput {
  readonly name: string;
  readonly provider: SecretProvider;
  readonly path: string | null;
  readonly field: string | null;
  readonly updatedBy: string;
}
export interface SecretStore {
  list(orgId: string, page: PageRequest): Promise<Page<StoredSecret>>;
  find(orgId: string, name: string): Promise<StoredSecret | null>;
  /** Those that exist, in no order. */
  named(orgId: string, names: readonly string[]): Promise<readonly StoredSecret[]>;
  /** By name, at most `limit`. */
  all(orgId: string, limit: number): Promise<readonly StoredSecret[]>;
  /** Makes it, or raises its version. @throws StoreError 'conflict' on field 'secrets' over the limit of an organisation. */
  put(orgId: string, input: SecretInput): Promise<StoredSecret>;
  delete(orgId: string, name: string): Promise<StoredSecret | null>;
  /** Keeps the newest few versions of the secret. */
  addVersion(
    orgId: string,
    version: {
      readonly secretId: string;
      readonly version: number;
      readonly sealed: string;
      readonly createdBy: string;
    },
  ): Promise<void>;
  /** The sealed value of a built-in secret's version. */
  sealedValue(orgId: string, secretId: string, version: number): Promise<string | null>;
  noteResolved(orgId: string, secretId: string, at: Date, error: string | null): Promise<void>;
}
