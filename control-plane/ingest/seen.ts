/** Tells the console which devices beat: a few times a second and by organisation, not with every batch. */
import type { Database } from '#db';
import type { LiveEvent } from '#web-api';
import type { Logger } from '../log.ts';

/** Most device ids in one `devices.seen`: 150 × 39 bytes stays under the 7,900 of a NOTIFY. */
export const MAX_SEEN_IDS = 150;
/** Under the second within which the console shows what happens. */
export const SEEN_INTERVAL_MS = 500;
/** Devices that wait to be told; a hint more or less does not matter. */
const MAX_WAITING = 20_000;

export interface SeenDevices {
  add(orgId: string, deviceIds: ReadonlySet<string>): void;
  stop(): Promise<void>;
}

export function startSeenDevices(deps: {
  database: Pick<Database, 'notify'>;
  log: Logger;
  now: () => Date;
}): SeenDevices {
  let waiting = new Map<string, Set<string>>();
  let size = 0;
  let timer: NodeJS.Timeout | null = null;
  let telling: Promise<void> = Promise.resolve();

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const events = eventsOf(waiting, deps.now());
    waiting = new Map();
    size = 0;
    telling = telling.then(async () => {
      try {
        for (const event of events) await deps.database.notify('edge_live', event);
      } catch (error) {
        // Only a hint: the next beat gives another.
        deps.log.debug({ err: error }, 'beats not announced');
      }
    });
  }

  return {
    add(orgId, deviceIds) {
      if (size >= MAX_WAITING) return;
      const known = waiting.get(orgId) ?? new Set();
      for (const deviceId of deviceIds) known.add(deviceId);
      waiting.set(orgId, known);
      size += deviceIds.size;
      timer ??= setTimeout(flush, SEEN_INTERVAL_MS);
    },
    async stop() {
      flush();
      await telling;
    },
  };
}

/** Pure. */
export function eventsOf(seen: ReadonlyMap<string, ReadonlySet<string>>, at: Date): LiveEvent[] {
  return [...seen].flatMap(([orgId, deviceIds]) => {
    const ids = [...deviceIds];
    return Array.from({ length: Math.ceil(ids.length / MAX_SEEN_IDS) }, (_, index) => ({
      kind: 'devices.seen' as const,
      organization_id: orgId,
      device_ids: ids.slice(index * MAX_SEEN_IDS, (index + 1) * MAX_SEEN_IDS),
      at: at.toISOString(),
    }));
  });
}
