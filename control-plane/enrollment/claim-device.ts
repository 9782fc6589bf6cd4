/** Which device a claim with a live token is about: a new one, one that waits for it, or one that begins anew. */
import type { Device, RegistrationToken, Stores } from '#db';
import type { RegisterBody } from '#web-api';
import { isLive } from '../credentials/renewal.ts';
import { AppError } from '../errors.ts';
import { lockDevice, revokeDevice } from '../fleet/revoke-device.ts';
import { forgetSession } from '../presence/presence.ts';

export type Claim = Omit<RegisterBody, 'registration_token' | 'csr'> & {
  readonly ipAddress: string | null;
};

export interface Claimed {
  readonly device: Device;
  /** `adopted`: pre-registered by import; `renewed`: all its certificates were revoked or over; `replaced`: new hardware. */
  readonly how: 'created' | 'adopted' | 'renewed' | 'replaced' | 'repeated';
}

/**
 * The token must be locked and live. A known device keeps its id, name and history.
 * @throws AppError 'enrollment.hardware_known', 'enrollment.type_mismatch', 'enrollment.token_invalid';
 * StoreError 'conflict' on a name that another device has.
 */
export async function claimDevice(
  stores: Stores,
  token: RegistrationToken,
  claim: Claim,
  now: Date,
): Promise<Claimed> {
  if (token.deviceType !== null && token.deviceType !== claim.device_type) {
    throw new AppError('enrollment.type_mismatch');
  }
  if (token.replacesDeviceId !== null) {
    const device = await replaceHardware(stores, token.orgId, token.replacesDeviceId, claim, now);
    return { device, how: 'replaced' };
  }
  const known = await stores.devices.findByHardwareId(claim.hardware_id);
  if (known === null) {
    const device = await stores.devices.create(token.orgId, {
      name: claim.device_name,
      type: claim.device_type,
      hardwareId: claim.hardware_id,
      firmwareVersion: claim.firmware_version,
      ipAddress: claim.ipAddress,
      tags: token.tags,
    });
    return { device, how: 'created' };
  }
  // Hardware of another organisation stays theirs until they delete it, whatever its certificates are worth.
  if (known.orgId !== token.orgId) throw new AppError('enrollment.hardware_known');
  const certificates = await stores.certificates.ofDevice(known.orgId, known.id);
  if (certificates.some((certificate) => isLive(certificate, now))) {
    throw new AppError('enrollment.hardware_known');
  }
  if (known.type !== claim.device_type) throw new AppError('enrollment.type_mismatch');
  if (certificates.length > 0) await beginSessionsAnew(stores, known);
  const device = await stores.devices.update(known.orgId, known.id, {
    firmwareVersion: claim.firmware_version,
    ipAddress: claim.ipAddress,
    tags: [...new Set([...known.tags, ...token.tags])],
  });
  return { device: existing(device), how: certificates.length === 0 ? 'adopted' : 'renewed' };
}

/** The old hardware is locked out in the same transaction that lets the new one in. */
async function replaceHardware(
  stores: Stores,
  orgId: string,
  deviceId: string,
  claim: Claim,
  now: Date,
): Promise<Device> {
  const found = existing(await stores.devices.find(orgId, deviceId));
  const device = existing(await lockDevice(stores, found));
  await revokeDevice(stores, device, 'hardware replaced', now);
  await beginSessionsAnew(stores, device);
  const holder = await stores.devices.findByHardwareId(claim.hardware_id);
  if (holder !== null && holder.id !== device.id) throw new AppError('enrollment.hardware_known');
  const changes = {
    hardwareId: claim.hardware_id,
    firmwareVersion: claim.firmware_version,
    ipAddress: claim.ipAddress,
  };
  return existing(await stores.devices.update(orgId, deviceId, changes));
}

/** Whoever enrols anew may have lost its count of sessions; with the old one remembered it would never be heard. */
async function beginSessionsAnew(stores: Stores, device: Pick<Device, 'id' | 'orgSlug'>): Promise<void> {
  const states = await stores.presence.lock([{ org: device.orgSlug, device: device.id }]);
  await stores.presence.save(states.map(forgetSession));
}

/** A token whose device is gone is worth nothing any more. */
function existing(device: Device | null): Device {
  if (device === null) throw new AppError('enrollment.token_invalid');
  return device;
}
