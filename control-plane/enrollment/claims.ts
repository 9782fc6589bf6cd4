/** Claim codes: the owner of a device makes one, another organisation takes the device over with it. */
import type { ClaimCode, Database, Device, Stores } from '#db';
import { createAttemptLimiter } from '../access/attempt-limiter.ts';
import { permit } from '../access/permit.ts';
import type { RandomBytes } from '../access/secrets.ts';
import { audited, byPerson } from '../audit/audited.ts';
import type { ClaimUseCases } from '../enrollment-use-cases.ts';
import { AppError } from '../errors.ts';
import { announce } from '../fleet/announce.ts';
import { deviceView } from '../fleet/device-view.ts';
import { lockDevice, revokeDevice } from '../fleet/revoke-device.ts';
import type { Logger } from '../log.ts';
import { permittedDevice } from '../telemetry/permitted-device.ts';
import type { Person } from '../use-cases.ts';
import { freeName } from './admission.ts';
import { claimHashOf, makeClaimCode } from './claim-code.ts';

const DEFAULT_EXPIRES_IN_SECONDS = 30 * 24 * 3600;
/** Per address and per person; claims that succeed are not counted. */
const FAILURE_LIMIT = { attempts: 10, windowMs: 60_000, maxKeys: 10_000 } as const;

interface ClaimDeps {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
  readonly random: RandomBytes;
}

export function createClaims(deps: ClaimDeps): ClaimUseCases {
  const { database, log, now, random } = deps;
  const limiter = createAttemptLimiter(FAILURE_LIMIT, now);

  /** Counts before it looks, so that parallel guesses count too. */
  async function withinLimits<T>(person: Person, work: () => Promise<T>): Promise<T> {
    const keys = [`ip ${person.origin.ipAddress}`, `user ${person.userId}`];
    const retryAfterSeconds = Math.max(...keys.map((key) => limiter.waitSeconds(key)));
    if (retryAfterSeconds > 0) {
      log.warn({ userId: person.userId, retryAfterSeconds }, 'claim attempts limited');
      throw new AppError('rate.limited', { retryAfterSeconds });
    }
    for (const key of keys) limiter.add(key);
    const giveBack = () => {
      for (const key of keys) limiter.giveBack(key);
    };
    try {
      const result = await work();
      giveBack();
      return result;
    } catch (error) {
      // Only a wrong code is a guess.
      if (!(error instanceof AppError) || error.code !== 'claim.code_invalid') giveBack();
      throw error;
    }
  }

  return {
    async getCode(person, deviceId) {
      const device = await permittedDevice(database, person, 'device.read', deviceId);
      const expiresAt = await database.claimCodes.expiresAt(device.orgId, device.id);
      return { expires_at: expiresAt === null || expiresAt <= now() ? null : expiresAt.toISOString() };
    },

    async createCode(person, deviceId, body) {
      const draft = byPerson(person, 'claim_code.create', `device:${deviceId}`);
      return audited(deps, draft, async (stores, entry) => {
        const device = await permittedDevice(stores, person, 'claim.write', deviceId, entry);
        const { code, codeHash } = makeClaimCode(random);
        const seconds = body.expires_in_seconds ?? DEFAULT_EXPIRES_IN_SECONDS;
        const expiresAt = new Date(now().getTime() + seconds * 1000);
        await stores.claimCodes.put(device.orgId, device.id, {
          codeHash,
          expiresAt,
          createdBy: person.email,
        });
        entry.detail = { name: device.name, expires_at: expiresAt.toISOString() };
        return { device_id: device.id, code, expires_at: expiresAt.toISOString() };
      });
    },

    async deleteCode(person, deviceId) {
      const draft = byPerson(person, 'claim_code.delete', `device:${deviceId}`);
      await audited(deps, draft, async (stores, entry) => {
        const device = await permittedDevice(stores, person, 'claim.write', deviceId, entry);
        const wasThere = await stores.claimCodes.remove(device.orgId, device.id);
        entry.detail = { name: device.name, was_there: wasThere };
      });
    },

    claim: (person, body) => {
      const draft = byPerson(person, 'device.claim', `organization:${body.organization_id}`);
      // As the owner: the device is another organisation's until the commit. What the person may do is asked first.
      const work = () =>
        audited(deps, draft, async (stores, entry) => {
          const organization = await stores.organizations.find(body.organization_id);
          permit(person, 'claim.write', organization?.id, 'organization.not_found', entry);
          if (organization === null) throw new AppError('organization.not_found');
          const wanted = { codeHash: claimHashOf(body.code), orgId: organization.id };
          const claimed = await takeOver(stores, wanted, now());
          entry.object = `device:${claimed.after.id}`;
          entry.detail = { name: claimed.after.name, hardware_id: claimed.after.hardwareId };
          await noteLoss(stores, claimed, organization.slug);
          return deviceView(claimed.after);
        });
      return withinLimits(person, () => database.asOwner(work));
    },
  };
}

interface TakenOver {
  readonly before: Device;
  readonly after: Device;
  readonly revoked: readonly string[];
}

/**
 * The old record goes, with its id, telemetry and certificates, and leaves a tombstone; the hardware gets a new record in
 * the claiming organisation. So nothing of the old owner can be read by the new one, and nothing of the new by the old.
 * @throws AppError 'claim.code_invalid', 'claim.own_device'
 */
async function takeOver(
  stores: Stores,
  { codeHash, orgId }: { codeHash: string; orgId: string },
  now: Date,
): Promise<TakenOver> {
  const found = liveCode(await stores.claimCodes.findByHash(codeHash), now);
  const before = await lockDevice(stores, { id: found.deviceId, hardwareId: found.hardwareId });
  // Read again under the device's lock: of parallel claims one finds the code still there.
  liveCode(before === null ? null : await stores.claimCodes.findByHash(codeHash), now);
  if (before === null || before.isOrgSuspended) throw new AppError('claim.code_invalid');
  if (before.orgId === orgId) throw new AppError('claim.own_device');
  const revoked = await revokeDevice(stores, before, 'claimed by another organisation', now);
  await stores.devices.delete(before.orgId, before.id);
  const { hardwareId, type, firmwareVersion } = before;
  const name = await freeName(stores, orgId, before.name, hardwareId);
  const after = await stores.devices.create(orgId, {
    name,
    type,
    hardwareId,
    firmwareVersion,
    claimedFromOrgId: before.orgId,
  });
  const at = now.toISOString();
  await announce(stores, {
    kind: 'device.deleted',
    organization_id: before.orgId,
    device_id: before.id,
    at,
  });
  await announce(stores, { kind: 'device.created', organization_id: orgId, device_id: after.id, at });
  return { before, after, revoked };
}

/** Unknown, used and expired codes are alike. @throws AppError 'claim.code_invalid' */
function liveCode(code: ClaimCode | null, now: Date): ClaimCode {
  if (code === null || code.expiresAt <= now) throw new AppError('claim.code_invalid');
  return code;
}

/** The row in the log of the organisation that had the device: who has it now, not who of them typed the code. */
const noteLoss = (stores: Stores, { before, revoked }: TakenOver, claimedBy: string): Promise<void> =>
  stores.audit.append({
    actor: 'system',
    ipAddress: null,
    orgId: before.orgId,
    action: 'device.claimed_away',
    object: `device:${before.id}`,
    outcome: 'success',
    detail: { name: before.name, hardware_id: before.hardwareId, claimed_by: claimedBy, revoked },
  });
