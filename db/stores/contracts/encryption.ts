/** Stores of encryption at rest: wrapped data keys, and the sealed rows of every table. */

export type DataKeyState = 'active' | 'retiring' | 'retired' | 'destroyed';
export type KeyProviderName = 'local' | 'vault' | 'aws-kms';

export interface WrappedKey {
  readonly provider: KeyProviderName;
  readonly wrapped: string;
  /** Of the master key when it was wrapped. */
  readonly generation: number;
}
export interface StoredDataKey {
  readonly id: string;
  /** Null = the installation's own. */
  readonly orgId: string | null;
  readonly version: number;
  readonly state: DataKeyState;
  readonly provider: KeyProviderName;
  /** Null when destroyed. */
  readonly wrapped: string | null;
  readonly generation: number;
  /** Upper bound: processes take them in blocks. */
  readonly uses: number;
  /** Rows that it sealed when its successor came; null before. */
  readonly rowsAtStart: number | null;
  readonly createdAt: Date;
  readonly supersededAt: Date | null;
  readonly retiredAt: Date | null;
  readonly destroyedAt: Date | null;
}
export interface MasterState {
  readonly generation: number;
  readonly rotatedAt: Date | null;
  readonly rotatedBy: string | null;
  /** Data keys that the last rotation had to wrap again. */
  readonly keysTotal: number;
  /** Of those: still wrapped by an older generation. */
  readonly keysLeft: number;
}

export interface DataKeyStore {
  /** Newest first, at most `limit`. */
  list(orgId: string | null, limit: number): Promise<readonly StoredDataKey[]>;
  active(orgId: string | null): Promise<StoredDataKey | null>;
  find(orgId: string | null, keyId: string): Promise<StoredDataKey | null>;
  /**
   * Makes a new key the active one and the old one `retiring`; null when `supersedes` (null = none) is not the active
   * one any more, because somebody else was faster.
   */
  activate(
    orgId: string | null,
    key: WrappedKey & { readonly id: string; readonly rowsAtStart: number },
    supersedes: string | null,
  ): Promise<StoredDataKey | null>;
  /** Takes a block of uses; false when the key is not active any more or would pass `limit`. */
  reserve(orgId: string | null, keyId: string, uses: number, limit: number): Promise<boolean>;
  /** Keys superseded before the given time whose rows are to be sealed again; oldest first, over all organisations. */
  retiring(limit: number): Promise<readonly StoredDataKey[]>;
  retire(keyId: string): Promise<boolean>;
  /** The wrapped keys of an organisation are gone for good. @returns how many */
  destroyAll(orgId: string): Promise<number>;

  master(): Promise<MasterState>;
  /** The next generation: every wrapped key is to be wrapped again. @returns the state after it */
  beginMasterRotation(by: string): Promise<MasterState>;
  /** Keys wrapped by an older generation, over all organisations. */
  outdated(limit: number): Promise<readonly StoredDataKey[]>;
  /** Only where it is still wrapped as `before` says. */
  rewrap(keyId: string, before: string, next: WrappedKey): Promise<boolean>;
}

/** A row of any table that holds a sealed text; see SEALED_KINDS. */
export interface SealedRow {
  readonly id: string;
  readonly orgId: string | null;
  /** What it is bound to, as whoever sealed it said. */
  readonly object: string;
  readonly version: string;
  readonly sealed: string;
}
export interface PlainRow extends Omit<SealedRow, 'sealed'> {
  readonly plain: unknown;
}
export interface SealedRowStore {
  /** Names of the tables that hold sealed texts. */
  readonly kinds: readonly string[];
  /** Rows sealed by a key, over all kinds. */
  count(keyId: string): Promise<number>;
  ofKey(kind: string, keyId: string, limit: number): Promise<readonly SealedRow[]>;
  /** Only where the row still holds `before`: what was written meanwhile wins. */
  replace(kind: string, id: string, before: string, after: string): Promise<boolean>;
  /** Bodies of configurations from before encryption. */
  plain(limit: number): Promise<readonly PlainRow[]>;
  sealPlain(id: string, before: unknown, after: string): Promise<boolean>;
}
