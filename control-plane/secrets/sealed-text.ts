/** The text of sealed data: `v1.{key id}.{iv}.{ciphertext}.{tag}`, AES-256-GCM. Pure but for the IV, which comes in. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { SealContext, SecretScope } from './secret-box.ts';

const FORMAT = 'v1';
const CIPHER = 'aes-256-gcm';
export const KEY_BYTES = 32;
/** What GCM is made for; longer ones are hashed down to it. */
export const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface SealedParts {
  readonly keyId: string;
  readonly iv: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** Null for anything but the one spelling that `seal` writes. */
export function parseSealed(text: string): SealedParts | null {
  const [format, keyId, iv, ciphertext, tag, ...more] = text.split('.');
  if (format !== FORMAT || keyId === undefined || !KEY_ID.test(keyId) || more.length > 0) return null;
  const parts = { iv: bytesOf(iv), ciphertext: bytesOf(ciphertext), tag: bytesOf(tag) };
  if (parts.iv?.length !== IV_BYTES || parts.ciphertext === null || parts.tag?.length !== TAG_BYTES)
    return null;
  return { keyId, iv: parts.iv, ciphertext: parts.ciphertext, tag: parts.tag };
}

export const isSealed = (value: unknown): value is string =>
  typeof value === 'string' && parseSealed(value) !== null;

/** @param iv 12 random bytes, never used before with this key. */
export function sealWith(
  key: { readonly id: string; readonly bytes: Uint8Array },
  scope: SecretScope,
  context: SealContext,
  plaintext: Uint8Array,
  iv: Uint8Array,
): string {
  const cipher = createCipheriv(CIPHER, key.bytes, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(scope, key.id, context));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const texts = [iv, ciphertext, cipher.getAuthTag()].map((part) => Buffer.from(part).toString('base64url'));
  return [FORMAT, key.id, ...texts].join('.');
}

/** Null where anything was changed: text, key, organisation, object or version. */
export function openWith(
  key: Uint8Array,
  scope: SecretScope,
  context: SealContext,
  sealed: SealedParts,
): Buffer | null {
  const decipher = createDecipheriv(CIPHER, key, sealed.iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(associatedData(scope, sealed.keyId, context));
  decipher.setAuthTag(sealed.tag);
  const plaintext = decipher.update(sealed.ciphertext);
  try {
    return Buffer.concat([plaintext, decipher.final()]);
  } catch {
    // The one thing that `final` throws is that the tag does not fit.
    return null;
  }
}

/** JSON keeps the parts apart whatever they hold. */
const associatedData = ({ orgId }: SecretScope, keyId: string, { object, version }: SealContext): Buffer =>
  Buffer.from(JSON.stringify([FORMAT, orgId, keyId, object, String(version)]));

/** Base64url in its one spelling: a text with other padding bits would be a second one of the same bytes. */
function bytesOf(text: string | undefined): Buffer | null {
  if (text === undefined || !/^[A-Za-z0-9_-]*$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
