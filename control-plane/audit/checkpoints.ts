/** Signs the heads of the audit chains, into a table and into the log: what is cut off behind one of them is missed. */
import type { Database } from '#db';
import type { Logger } from '../log.ts';
import type { CheckpointSigner } from './checkpoint-key.ts';

/** @returns chains that had grown */
export async function signHeads(
  database: Pick<Database, 'audit'>,
  signer: CheckpointSigner,
  log: Logger,
  now: Date,
): Promise<number> {
  const checkpoints = (await database.audit.headsToSign()).map((head) => signer.sign(head, now));
  if (checkpoints.length === 0) return 0;
  await database.audit.addCheckpoints(checkpoints);
  // The log is the copy that whoever changes the database does not reach.
  for (const { orgId, position, hash, at, keyId, signature } of checkpoints) {
    log.info({ orgId, position, hash, at: at.toISOString(), keyId, signature }, 'audit checkpoint');
  }
  return checkpoints.length;
}
