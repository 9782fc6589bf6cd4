/** Master key in AWS KMS: data keys go in and come out, the master key never leaves it. */
import { AppError } from '../errors.ts';
import { type AwsConnection, awsErrorName, clientOptions, importOptional } from './aws-connection.ts';
import type { MasterKey, WrapContext } from './master-key.ts';

/** KMS says so when text, key or context do not belong together. */
const UNREADABLE: ReadonlySet<string> = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);

/**
 * @param keyId id, ARN or alias of a symmetric key
 * @throws MissingPackageError
 */
export async function createAwsKms(
  options: AwsConnection & { readonly keyId: string },
): Promise<MasterKey & { stop(): void }> {
  const { KMSClient, EncryptCommand, DecryptCommand } = await importOptional(
    '@aws-sdk/client-kms',
    () => import('@aws-sdk/client-kms'),
  );
  const { keyId } = options;
  const client = new KMSClient(clientOptions(options));

  return {
    name: 'aws-kms',

    async wrap(dataKey, context) {
      const command = new EncryptCommand({
        KeyId: keyId,
        Plaintext: dataKey,
        EncryptionContext: boundTo(context),
      });
      const { CiphertextBlob } = await attempt(() => client.send(command));
      if (CiphertextBlob === undefined) throw new AppError('encryption.unavailable');
      return Buffer.from(CiphertextBlob).toString('base64');
    },

    async unwrap(wrapped, context) {
      // The ciphertext names its key, which may be another one than today's where the setting has changed since.
      const command = new DecryptCommand({
        CiphertextBlob: Buffer.from(wrapped, 'base64'),
        EncryptionContext: boundTo(context),
      });
      const { Plaintext } = await attempt(() => client.send(command));
      if (Plaintext === undefined) throw new AppError('encryption.unavailable');
      return Plaintext;
    },

    // KMS rotates the material behind a key by itself; wrapping again is all that is left to do.
    rotate: async () => undefined,

    stop: () => client.destroy(),
  };
}

async function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const name = awsErrorName(cause);
    if (UNREADABLE.has(name)) throw new AppError('encryption.unreadable', { cause });
    throw new AppError('encryption.unavailable', { detail: `AWS KMS does not answer (${name})`, cause });
  }
}

/** KMS logs the context in the clear: ids, no names. */
const boundTo = ({ orgId, keyId }: WrapContext): Record<string, string> => ({
  purpose: 'data-key',
  organization: orgId ?? 'installation',
  key: keyId,
});
