/** Tells open streams and consoles that what somebody may see has changed, once the transaction commits. */
import type { Stores } from '#db';

export const announceAccess = (stores: Pick<Stores, 'notify'>, orgId: string, at: Date): Promise<void> =>
  stores.notify('edge_live', { kind: 'access.changed', organization_id: orgId, at: at.toISOString() });
