/** Marks devices offline that have been silent too long, unless it was we who were deaf. */

import type { Database } from '#db';
import type { LiveEvent } from '#web-api';
import { decidePresence, SILENCE_MS } from '../presence/presence.ts';

/** Devices in one transaction. */
const SWEEP_BATCH = 500;
/** Batches in one sweep; what is left waits for the next second. */
const MAX_BATCHES = 40;

/**
 * Silence counts from the later of the last beat and `hearingSince`, when messages began to reach the database without
 * a break: an outage of ours, however long, makes no device offline. Null = not hearing now.
 * @returns the devices marked offline
 */
export async function sweepSilent(
  database: Pick<Database, 'transaction'>,
  hearingSince: Date | null,
  now: Date,
): Promise<number> {
  if (hearingSince === null || now.getTime() - hearingSince.getTime() < SILENCE_MS) return 0;
  const deadline = new Date(now.getTime() - SILENCE_MS);
  let total = 0;
  for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
    const marked = await database.transaction(async (stores) => {
      const silent = await stores.presence.lockSilent(deadline, SWEEP_BATCH);
      const decisions = silent.map((state) => decidePresence(state, { kind: 'silence' }, now));
      const changes = decisions.flatMap(({ change }) => (change === null ? [] : [change]));
      if (changes.length === 0) return 0;
      await stores.presence.save(decisions.filter(({ change }) => change !== null).map(({ next }) => next));
      await stores.presence.appendChanges(changes);
      for (const change of changes) {
        await stores.notify('edge_live', {
          kind: 'device.changed',
          organization_id: change.orgId,
          device_id: change.deviceId,
          at: now.toISOString(),
          observation: change.to,
        } satisfies LiveEvent);
      }
      return changes.length;
    });
    total += marked;
    if (marked < SWEEP_BATCH) break;
  }
  return total;
}
