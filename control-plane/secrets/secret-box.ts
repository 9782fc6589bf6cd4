/** Seals small secrets for the database: bound to one organisation, one object and one version of it. */
import { randomBytes } from 'node:crypto';
import type { RandomBytes } from '../access/secrets.ts';
import { AppError } from '../errors.ts';
import type { Keyring } from './keyring.ts';
import { IV_BYTES, openWith, parseSealed, sealWith } from './sealed-text.ts';

/** Whose data key seals; null = the installation's own, for what belongs to no organisation. */
export interface SecretScope {
  readonly orgId: string | null;
}

/** What the ciphertext belongs to; another object or version does not open it. */
export interface SealContext {
  /** `{kind}:{id}`, such as `totp:{user id}`. */
  readonly object: string;
  readonly version: string | number;
}

export interface SecretBox {
  /** @returns `v1.{key id}.{iv}.{ciphertext}.{tag}`. @throws AppError 'encryption.unavailable', 'encryption.destroyed' */
  seal(scope: SecretScope, context: SealContext, plaintext: Uint8Array): Promise<string>;
  /**
   * @throws AppError 'encryption.unreadable' for a text that was changed or belongs elsewhere, 'encryption.destroyed'
   * when its key was destroyed, 'encryption.unavailable' when the key service does not answer.
   */
  open(scope: SecretScope, context: SealContext, sealed: string): Promise<Uint8Array>;
}

/** IVs are random: 96 bits, of which a key sees at most 2^31. */
export function createSecretBox(deps: {
  readonly keyring: Keyring;
  readonly random?: RandomBytes;
}): SecretBox {
  const { keyring, random = randomBytes } = deps;
  return {
    async seal(scope, context, plaintext) {
      const key = await keyring.active(scope.orgId);
      return sealWith(key, scope, context, plaintext, random(IV_BYTES));
    },

    async open(scope, context, sealed) {
      const parts = parseSealed(sealed);
      if (parts === null) throw new AppError('encryption.unreadable');
      const key = await keyring.find(scope.orgId, parts.keyId);
      const plaintext = openWith(key.bytes, scope, context, parts);
      if (plaintext === null) throw new AppError('encryption.unreadable');
      return plaintext;
    },
  };
}
