/** Registration tokens that the installation makes for itself: its own machine's agent and the simulated fleet. */
import { randomBytes } from 'node:crypto';
import type { Database } from '#db';
import type { RandomBytes } from '../access/secrets.ts';
import { makeTokenSecret } from './token-secret.ts';

const DEFAULT_EXPIRES_IN_SECONDS = 600;

export interface SystemTokenOptions {
  readonly name?: string;
  readonly maxUses?: number;
  readonly expiresInSeconds?: number;
  readonly tags?: readonly string[];
  readonly now?: () => Date;
  readonly random?: RandomBytes;
}

/** One use and ten minutes unless told otherwise. @returns the whole token: keep it out of logs. */
export async function createLocalToken(
  database: Database,
  orgId: string,
  options: SystemTokenOptions = {},
): Promise<{ readonly id: string; readonly token: string; readonly expiresAt: Date }> {
  const { token, prefix, tokenHash } = makeTokenSecret(options.random ?? randomBytes);
  const now = options.now?.() ?? new Date();
  const expiresInMs = (options.expiresInSeconds ?? DEFAULT_EXPIRES_IN_SECONDS) * 1000;
  return database.transaction(async (stores) => {
    const created = await stores.tokens.create(orgId, {
      prefix,
      tokenHash,
      name: options.name ?? 'This machine',
      deviceType: null,
      tags: options.tags ?? [],
      maxUses: options.maxUses ?? 1,
      expiresAt: new Date(now.getTime() + expiresInMs),
      replacesDeviceId: null,
      createdBy: null,
    });
    await stores.audit.append({
      actor: 'system',
      ipAddress: null,
      orgId,
      action: 'token.create',
      object: `token:${created.id}`,
      outcome: 'success',
      detail: { prefix, name: created.name, max_uses: created.maxUses },
    });
    return { id: created.id, token, expiresAt: created.expiresAt };
  });
}
