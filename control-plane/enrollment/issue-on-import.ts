/** What a pre-registered machine gets on its way: a token for it alone, or a claim code for its next owner. */
import type { Device, Stores } from '#db';
import type { ImportBody } from '#web-api';
import type { RandomBytes } from '../access/secrets.ts';
import type { Issued } from '../fleet/import-devices.ts';
import { makeClaimCode } from './claim-code.ts';
import { makeTokenSecret } from './token-secret.ts';

const DEFAULT_EXPIRES_IN_SECONDS = 30 * 24 * 3600;

export interface IssueOptions {
  readonly issue: NonNullable<ImportBody['issue']>;
  readonly expiresInSeconds: number | undefined;
  readonly createdBy: string;
  readonly now: Date;
  readonly random: RandomBytes;
}

/** Inside the transaction of the device's row: no secret is given out for a device that is not kept. */
export function issueOnImport(options: IssueOptions): (stores: Stores, device: Device) => Promise<Issued> {
  const { issue, createdBy, now, random } = options;
  const expiresAt = new Date(now.getTime() + (options.expiresInSeconds ?? DEFAULT_EXPIRES_IN_SECONDS) * 1000);
  return async (stores, { id, orgId, name, type, hardwareId }) => {
    if (issue === 'claim_codes') {
      const { code, codeHash } = makeClaimCode(random);
      await stores.claimCodes.put(orgId, id, { codeHash, expiresAt, createdBy });
      return { token: null, claim_code: code };
    }
    if (issue === 'none') return { token: null, claim_code: null };
    const { token, prefix, tokenHash } = makeTokenSecret(random);
    await stores.tokens.create(orgId, {
      prefix,
      tokenHash,
      name: name.slice(0, 100),
      deviceType: type,
      hardwareId,
      tags: [],
      maxUses: 1,
      expiresAt,
      replacesDeviceId: null,
      createdBy,
    });
    return { token, claim_code: null };
  };
}
