/** One device, as far as the person may know of it. */
import type { Device, Stores } from '#db';
import type { Action } from '#web-api';
import { knownDevices, permitWithinGroups } from '../access/permit.ts';
import type { AuditDraft } from '../audit/audited.ts';
import { AppError } from '../errors.ts';
import type { Person } from '../use-cases.ts';

/**
 * A device outside of the groups that a role is limited to is as unknown as a foreign one.
 * @throws AppError 'device.not_found' for a foreign or unknown one, 'auth.forbidden'
 */
export async function permittedDevice(
  stores: Pick<Stores, 'devices'>,
  person: Person,
  action: Action,
  deviceId: string,
  entry?: AuditDraft,
): Promise<Device> {
  const device = await stores.devices.find(knownDevices(person), deviceId);
  permitWithinGroups(person, action, device?.orgId, 'device.not_found', entry);
  if (device === null) throw new AppError('device.not_found');
  // As the database spells it: the audit log is searched by it.
  if (entry !== undefined) entry.object = `device:${device.id}`;
  return device;
}
