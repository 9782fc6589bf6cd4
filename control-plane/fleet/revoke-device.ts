/** Takes a device's credentials away: certificates, presence and the word to the brokers, inside one transaction. */
import type { Device, Stores } from '#db';
import { decidePresence } from '../presence/presence.ts';
import { announceRevoked } from './announce.ts';

/**
 * Takes the row of a device that is about to be deleted or to change its hardware, before its presence: ingest holds
 * both, in this order, and the other one would deadlock. Null where the device is gone or has moved meanwhile.
 */
export async function lockDevice(
  stores: Pick<Stores, 'devices'>,
  device: Pick<Device, 'id' | 'hardwareId'>,
): Promise<Device | null> {
  const locked = await stores.devices.findByHardwareId(device.hardwareId);
  return locked?.id === device.id ? locked : null;
}

/**
 * Presence comes before the certificates, as with a heartbeat that activates one.
 * @returns the serials revoked now.
 */
export async function revokeDevice(
  stores: Stores,
  device: Pick<Device, 'id' | 'orgId' | 'orgSlug'>,
  reason: string,
  now: Date,
): Promise<readonly string[]> {
  const [presence] = await stores.presence.lock([{ org: device.orgSlug, device: device.id }]);
  const serials = await stores.certificates.revokeOfDevice(device.orgId, device.id, reason, now);
  // Or the device would fetch a certificate after all.
  await stores.enrollmentRequests.endOfDevice(device.orgId, device.id, now);
  if (presence !== undefined) {
    const { next, change } = decidePresence(presence, { kind: 'revoked' }, now);
    await stores.presence.save([next]);
    if (change !== null) await stores.presence.appendChanges([change]);
  }
  await announceRevoked(stores, serials);
  return serials;
}
