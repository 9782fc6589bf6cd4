/** The key that signs heads of audit chains: Ed25519, in the data folder, apart from the database that it vouches for. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { AuditCheckpoint, AuditHead } from '#db';
import { readOrCreateSigningKey } from '../credentials/signing-key-file.ts';

const KEY_FILE = 'audit-checkpoint.key';

export interface CheckpointSigner {
  /** SHA-256 of the public key (SPKI), in hex. */
  readonly keyId: string;
  readonly publicKeyPem: string;
  sign(head: AuditHead, at: Date): Omit<AuditCheckpoint, 'id'>;
  trusts(checkpoint: Omit<AuditCheckpoint, 'id'>): boolean;
}

/** The key lies in `dir` (0600) and is made on first use. */
export const openCheckpointSigner = async ({ dir }: { readonly dir: string }): Promise<CheckpointSigner> =>
  checkpointSigner(await readOrCreateSigningKey(dir, KEY_FILE));

/** @throws Error for a key of another kind */
export function checkpointSigner(privateKeyPem: string): CheckpointSigner {
  const privateKey = createPrivateKey(privateKeyPem);
  const publicKey = createPublicKey(privateKey);
  return {
    ...checkpointVerifier(publicKey),
    sign(head, at) {
      const signature = sign(null, signedText(head, at), privateKey).toString('base64');
      return { ...head, at, keyId: keyIdOf(publicKey), signature };
    },
  };
}

/** For whoever has the public key alone. @throws Error for a key of another kind */
export function checkpointVerifier(publicKey: KeyObject): Omit<CheckpointSigner, 'sign'> {
  if (publicKey.asymmetricKeyType !== 'ed25519') throw new Error('the checkpoint key is no Ed25519 key');
  const keyId = keyIdOf(publicKey);
  return {
    keyId,
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    trusts: (checkpoint) =>
      checkpoint.keyId === keyId &&
      verify(
        null,
        signedText(checkpoint, checkpoint.at),
        publicKey,
        Buffer.from(checkpoint.signature, 'base64'),
      ),
  };
}

const keyIdOf = (publicKey: KeyObject): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');

/** `at` to the millisecond, which is what a Date and the export hold. */
const signedText = ({ orgId, position, hash }: AuditHead, at: Date): Buffer =>
  Buffer.from(`edge-audit-checkpoint-1 ${orgId ?? 'installation'} ${position} ${hash} ${at.toISOString()}`);
