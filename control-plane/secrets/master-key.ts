/** Master keys wrap the data keys and never lie in the database: a file, HashiCorp Vault or AWS KMS. */
import type { KeyProviderName } from '#db';

/** What a wrapped data key is bound to; another organisation's or another key's text does not unwrap. */
export interface WrapContext {
  readonly orgId: string | null;
  readonly keyId: string;
}

export interface MasterKey {
  readonly name: KeyProviderName;
  /** @throws AppError 'encryption.unavailable' */
  wrap(dataKey: Uint8Array, context: WrapContext): Promise<string>;
  /** @throws AppError 'encryption.unavailable'; 'encryption.unreadable' for a text that is not of this key or context. */
  unwrap(wrapped: string, context: WrapContext): Promise<Uint8Array>;
  /** Makes the next version, with which `wrap` works from now on; where the provider rotates by itself it does nothing. */
  rotate(): Promise<void>;
}

export interface MasterKeys {
  /** Wraps from now on: KEY_PROVIDER. */
  readonly current: MasterKey;
  /** Of a provider that was current once. @throws AppError 'encryption.unavailable' when it is not set up any more. */
  of(name: KeyProviderName): MasterKey;
  stop(): Promise<void>;
}

/** As one text, the same in every provider. */
export const wrapContextText = ({ orgId, keyId }: WrapContext): string =>
  JSON.stringify(['data-key', orgId, keyId]);
