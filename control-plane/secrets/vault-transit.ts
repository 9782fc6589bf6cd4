/** Master key in HashiCorp Vault's transit engine: data keys go in and come out, the master key never leaves Vault. */
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import { AppError } from '../errors.ts';
import { type MasterKey, type WrapContext, wrapContextText } from './master-key.ts';
import { type VaultClient, VaultError } from './vault-client.ts';

const Encrypted = Type.Object({ data: Type.Object({ ciphertext: Type.String({ maxLength: 8192 }) }) });
const Decrypted = Type.Object({ data: Type.Object({ plaintext: Type.String({ maxLength: 8192 }) }) });

/** @param key of type aes256-gcm96 or chacha20-poly1305: these take associated data */
export function createVaultTransit(options: {
  readonly client: VaultClient;
  readonly mount: string;
  readonly key: string;
}): MasterKey {
  const { client, mount, key } = options;
  const path = (verb: string) => `${mount}/${verb}/${key}`;
  return {
    name: 'vault',

    async wrap(dataKey, context) {
      const answer = await call(client, path('encrypt'), {
        plaintext: Buffer.from(dataKey).toString('base64'),
        associated_data: boundTo(context),
      });
      const decoded = decodeValue(Encrypted, answer);
      if (!decoded.ok) throw unavailable('Vault gave no ciphertext');
      return decoded.value.data.ciphertext;
    },

    async unwrap(wrapped, context) {
      const answer = await call(client, path('decrypt'), {
        ciphertext: wrapped,
        associated_data: boundTo(context),
      });
      const decoded = decodeValue(Decrypted, answer);
      if (!decoded.ok) throw unavailable('Vault gave no plaintext');
      return Buffer.from(decoded.value.data.plaintext, 'base64');
    },

    async rotate() {
      await call(client, `${mount}/keys/${key}/rotate`, {});
    },
  };
}

async function call(client: VaultClient, path: string, body: unknown): Promise<unknown> {
  try {
    return await client.call('POST', path, body);
  } catch (cause) {
    if (!(cause instanceof VaultError)) throw cause;
    // 400: the ciphertext was changed, or is bound to something else.
    if (cause.kind === 'refused') throw new AppError('encryption.unreadable', { cause });
    throw unavailable(cause.message, cause);
  }
}

const unavailable = (detail: string, cause?: unknown): AppError =>
  new AppError('encryption.unavailable', { detail, cause });

const boundTo = (context: WrapContext): string => Buffer.from(wrapContextText(context)).toString('base64');
