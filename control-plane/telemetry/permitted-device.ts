/** One device, as far as the person may know of it. */
import type { Device, Stores } from '#db';
import type { Action } from '#web-api';
import { permit } from '../access/permit.ts';
import { AppError } from '../errors.ts';
import type { Person } from '../use-cases.ts';

/** @throws AppError 'device.not_found' for a foreign or unknown one, 'auth.forbidden' */
export async function permittedDevice(
  stores: Pick<Stores, 'devices'>,
  person: Person,
  action: Action,
  deviceId: string,
): Promise<Device> {
  const device = await stores.devices.find(null, deviceId);
  permit(person, action, device?.orgId, 'device.not_found');
  if (device === null) throw new AppError('device.not_found');
  return device;
}
