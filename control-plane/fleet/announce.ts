/** Tells the console (`edge_live`) and the brokers (`edge_revocations`) what a transaction did, once it commits. */
import type { Device, Stores } from '#db';
import type { LiveEvent } from '#web-api';

/** A NOTIFY payload holds 7,900 bytes; a serial takes at most 43 of them. */
const MAX_SERIALS_PER_NOTICE = 150;

export const announce = (stores: Stores, event: LiveEvent): Promise<void> =>
  stores.notify('edge_live', event);

export const announceChanged = (stores: Stores, device: Device, at: Date): Promise<void> =>
  announce(stores, {
    kind: 'device.changed',
    organization_id: device.orgId,
    device_id: device.id,
    at: at.toISOString(),
    status: device.status,
    observation: device.observation,
  });

export async function announceRevoked(stores: Stores, serials: readonly string[]): Promise<void> {
  for (let start = 0; start < serials.length; start += MAX_SERIALS_PER_NOTICE) {
    await stores.notify('edge_revocations', {
      serials: serials.slice(start, start + MAX_SERIALS_PER_NOTICE),
    });
  }
}
