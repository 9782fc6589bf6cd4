/** Keeps a registration until people decide on it, and answers the machine that asks again meanwhile. */
import type { EnrollmentRequest, RegistrationToken, Stores } from '#db';
import { AppError } from '../errors.ts';
import { announce } from '../fleet/announce.ts';
import type { Registration } from './admission.ts';

/** A token in a loop of new machines must not fill the table, nor drown the real ones in the list. */
export const MAX_WAITING_PER_TOKEN = 1000;
export const MAX_WAITING_PER_ORGANIZATION = 5000;
/** Keys for one hardware by one token: the machine's own, and a few of whoever says to be it. */
export const MAX_KEYS_PER_HARDWARE = 5;
/** When a waiting machine asks again; it adds jitter. */
export const PENDING_RETRY_SECONDS = 30;
/** A refused one may ask once an hour: somebody may change their mind. */
export const REJECTED_RETRY_SECONDS = 3600;
/** `last_asked_at` moves no more often, so that waiting machines cost reads, not writes. */
const TOUCH_EVERY_MS = 60_000;
/** Until others were decided on. */
const FULL_RETRY_SECONDS = 300;

/** What a machine hears that has no certificate yet. */
export type Waiting =
  | { readonly kind: 'waiting'; readonly isNew: boolean }
  | { readonly kind: 'rejected'; readonly reason: string | null };

/** @throws AppError 'rate.limited' where too many wait; 'enrollment.token_invalid' for a request that has ended. */
export async function keepRequest(
  stores: Stores,
  token: RegistrationToken,
  registration: Registration & { readonly csrPem: string },
  orgId: string,
  now: Date,
): Promise<Waiting> {
  const { hardware_id: hardwareId, keyThumbprint } = registration;
  const { enrollmentRequests } = stores;
  const known = await enrollmentRequests.findByKey(token.id, hardwareId, keyThumbprint, now);
  if (known !== null) return askedAgain(stores, known, now);
  const isFull =
    (await enrollmentRequests.countKeys(token.id, hardwareId)) >= MAX_KEYS_PER_HARDWARE ||
    (await enrollmentRequests.countWaiting({ tokenId: token.id })) >= MAX_WAITING_PER_TOKEN ||
    (await enrollmentRequests.countWaiting({ orgId })) >= MAX_WAITING_PER_ORGANIZATION;
  if (isFull) {
    throw new AppError('rate.limited', {
      detail: 'Too many registrations wait for a decision',
      retryAfterSeconds: FULL_RETRY_SECONDS,
    });
  }
  // Said now rather than when it is too late for the machine to choose another.
  if (await stores.devices.isNameTaken(orgId, registration.device_name)) {
    const holder = await stores.devices.findByHardwareId(hardwareId);
    if (holder?.name !== registration.device_name && token.replacesDeviceId === null) {
      throw new AppError('device.name_taken');
    }
  }
  const approvalId = await enrollmentRequests.create(orgId, {
    tokenId: token.id,
    hardwareId,
    keyThumbprint,
    csrPem: registration.csrPem,
    name: registration.device_name,
    type: registration.device_type,
    firmwareVersion: registration.firmware_version,
    ipAddress: registration.ipAddress,
    at: now,
  });
  await announce(stores, {
    kind: 'approval.changed',
    organization_id: orgId,
    approval_id: approvalId,
    state: 'waiting',
    at: now.toISOString(),
  });
  return { kind: 'waiting', isNew: true };
}

/** @throws AppError 'enrollment.token_invalid' */
export async function askedAgain(
  stores: Pick<Stores, 'enrollmentRequests'>,
  request: EnrollmentRequest,
  now: Date,
): Promise<Waiting> {
  if (now.getTime() - request.lastAskedAt.getTime() >= TOUCH_EVERY_MS) {
    await stores.enrollmentRequests.touch(request.id, now);
  }
  if (request.state === 'rejected') return { kind: 'rejected', reason: request.reason };
  if (request.state === 'waiting') return { kind: 'waiting', isNew: false };
  throw new AppError('enrollment.token_invalid');
}
