/** Which device a registration with a live token is about: a new one, one that waits for it, or one that begins anew. */
import type { Device, RegistrationToken, Stores } from '#db';
import type { RegisterBody } from '#web-api';
import { isLive } from '../credentials/renewal.ts';
import { AppError } from '../errors.ts';
import { lockDevice, revokeDevice } from '../fleet/revoke-device.ts';
import { forgetSession } from '../presence/presence.ts';

/** An approval that the device does not use for this long is worth nothing any more: long enough for a weekend. */
export const APPROVAL_GOOD_MS = 7 * 24 * 3_600_000;
/** Of the hardware id, behind a name that is taken. */
const SUFFIX_CHARS = 8;
const MAX_NAME = 255;
/** Reason of the entry in the presence timeline. */
const HARDWARE_REPLACED = 'hardware_replaced';

/** What a machine says of itself when it registers. */
export interface Registration extends Omit<RegisterBody, 'registration_token' | 'csr'> {
  readonly ipAddress: string | null;
  readonly keyThumbprint: string;
}

/**
 * `adopted`: pre-registered, by import or by a claim; `renewed`: all its certificates were revoked or over;
 * `replaced`: new hardware. `orgId` is the organisation that gets the device: the token's own, or the one that
 * claimed the hardware from it.
 */
export type Admission =
  | { readonly how: 'created'; readonly orgId: string }
  | { readonly how: 'adopted' | 'renewed' | 'replaced'; readonly orgId: string; readonly device: Device };

/**
 * What would become of the registration; nothing is written, what it is about is locked. The token must be locked and live.
 * @throws AppError 'enrollment.hardware_known', 'enrollment.hardware_mismatch', 'enrollment.type_mismatch',
 * 'enrollment.token_invalid', 'organization.suspended'
 */
export async function planAdmission(
  stores: Stores,
  token: RegistrationToken,
  registration: Registration,
  now: Date,
): Promise<Admission> {
  const { hardware_id: hardwareId, device_type: type, keyThumbprint } = registration;
  if (token.deviceType !== null && token.deviceType !== type) throw new AppError('enrollment.type_mismatch');
  if (token.hardwareId !== null && token.hardwareId !== hardwareId) {
    throw new AppError('enrollment.hardware_mismatch');
  }
  const approved = await stores.enrollmentRequests.approvedKey(hardwareId, approvedSince(now));
  if (approved !== null && approved.keyThumbprint !== keyThumbprint) {
    throw new AppError('enrollment.hardware_known');
  }
  if (token.replacesDeviceId !== null) return planReplacement(stores, token, hardwareId);
  const known = await stores.devices.findByHardwareId(hardwareId);
  if (known === null) return { how: 'created', orgId: token.orgId };
  // Hardware of another organisation stays theirs until they delete it, whatever its certificates are worth. Where they
  // claimed it from the token's organisation, the token is the way in, and it leads to them.
  if (known.orgId !== token.orgId && known.claimedFromOrgId !== token.orgId) {
    throw new AppError('enrollment.hardware_known');
  }
  if (known.isOrgSuspended) throw new AppError('organization.suspended');
  const certificates = await stores.certificates.ofDevice(known.orgId, known.id);
  if (certificates.some((certificate) => isLive(certificate, now))) {
    throw new AppError('enrollment.hardware_known');
  }
  if (known.type !== type) throw new AppError('enrollment.type_mismatch');
  return {
    how: certificates.length === 0 ? 'adopted' : 'renewed',
    orgId: known.orgId,
    device: known,
  };
}

async function planReplacement(
  stores: Stores,
  token: RegistrationToken,
  hardwareId: string,
): Promise<Admission> {
  const found = existing(await stores.devices.find(token.orgId, token.replacesDeviceId ?? ''));
  const device = existing(await lockDevice(stores, found));
  const holder = await stores.devices.findByHardwareId(hardwareId);
  if (holder !== null && holder.id !== device.id) throw new AppError('enrollment.hardware_known');
  return { how: 'replaced', orgId: device.orgId, device };
}

/**
 * Does what was planned in the same transaction. A known device keeps its id, name and history.
 * @throws StoreError 'conflict' on a name that another device has, unless `mayRename`.
 */
export async function admit(
  stores: Stores,
  token: RegistrationToken,
  registration: Registration,
  admission: Admission,
  options: { readonly now: Date; readonly mayRename: boolean },
): Promise<Device> {
  const { hardware_id: hardwareId, device_type: type, firmware_version: firmwareVersion } = registration;
  const seen = { firmwareVersion, ipAddress: registration.ipAddress };
  const device =
    admission.how === 'created'
      ? await stores.devices.create(token.orgId, {
          ...seen,
          name: options.mayRename
            ? await freeName(stores, token.orgId, registration.device_name, hardwareId)
            : registration.device_name,
          type,
          hardwareId,
          tags: token.tags,
        })
      : await admitKnown(stores, token, admission, { ...seen, hardwareId }, options.now);
  if (device.orgId === token.orgId) await joinGroups(stores, device, token.groupIds);
  return device;
}

async function admitKnown(
  stores: Stores,
  token: RegistrationToken,
  { how, device }: Exclude<Admission, { how: 'created' }>,
  seen: { firmwareVersion: string; ipAddress: string | null; hardwareId: string },
  now: Date,
): Promise<Device> {
  // The old hardware is locked out in the same transaction that lets the new one in.
  if (how === 'replaced') await revokeDevice(stores, device, 'hardware replaced', now);
  if (how !== 'adopted') {
    await beginSessionsAnew(
      stores,
      device,
      how === 'replaced' ? { reason: HARDWARE_REPLACED, at: now } : null,
    );
  }
  // Labels of another organisation's token are no business of the device's owner.
  const isOwn = device.orgId === token.orgId && how !== 'replaced';
  const changes = isOwn ? { ...seen, tags: [...new Set([...device.tags, ...token.tags])] } : seen;
  return existing(await stores.devices.update(device.orgId, device.id, changes));
}

async function joinGroups(stores: Stores, device: Device, groupIds: readonly string[]): Promise<void> {
  const known = groupIds.length === 0 ? [] : await stores.groups.known(device.orgId, groupIds);
  for (const groupId of known) await stores.groups.addDevices(device.orgId, groupId, [device.id]);
}

/** The name, or where a device of the organisation has it, the name with a part of the hardware id. */
export async function freeName(
  stores: Pick<Stores, 'devices'>,
  orgId: string,
  name: string,
  hardwareId: string,
): Promise<string> {
  if (!(await stores.devices.isNameTaken(orgId, name))) return name;
  const suffix = `-${hardwareId.slice(0, SUFFIX_CHARS)}`;
  return `${name.slice(0, MAX_NAME - suffix.length)}${suffix}`;
}

/** Whoever enrols anew may have lost its count of sessions; with the old one remembered it would never be heard. */
async function beginSessionsAnew(
  stores: Stores,
  device: Pick<Device, 'id' | 'orgSlug'>,
  note: { readonly reason: string; readonly at: Date } | null,
): Promise<void> {
  const states = await stores.presence.lock([{ org: device.orgSlug, device: device.id }]);
  await stores.presence.save(states.map(forgetSession));
  if (note === null) return;
  // The timeline shows where one machine ends and the next begins, though both are the same device.
  await stores.presence.appendChanges(
    states.map(({ deviceId, orgId, observation }) => ({
      ...{ deviceId, orgId, at: note.at, reason: note.reason },
      ...{ from: observation, to: observation, sessionEpoch: null },
    })),
  );
}

export const approvedSince = (now: Date): Date => new Date(now.getTime() - APPROVAL_GOOD_MS);

/** A token whose device is gone is worth nothing any more. */
function existing(device: Device | null): Device {
  if (device === null) throw new AppError('enrollment.token_invalid');
  return device;
}
