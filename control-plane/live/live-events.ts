/** Live events of every process, as they come over PostgreSQL's NOTIFY, handed to the console's streams. */
import { decodeValue } from '#contract';
import type { Database } from '#db';
import { LiveEvent } from '#web-api';
import type { Logger } from '../log.ts';

export interface LiveEvents {
  /** @returns how to end it. A listener that throws is logged and stays. */
  subscribe(listener: (event: LiveEvent) => void): () => void;
  stop(): Promise<void>;
}

/** Events said while the connection is down are lost: the console reads its lists again when its own stream reconnects. */
export async function startLiveEvents(database: Pick<Database, 'listen'>, log: Logger): Promise<LiveEvents> {
  const listeners = new Set<(event: LiveEvent) => void>();
  const listening = await database.listen('edge_live', {
    onMessage(payload) {
      const decoded = decodeValue(LiveEvent, payload);
      if (!decoded.ok) {
        log.warn({ reason: decoded.reason }, 'live event not understood');
        return;
      }
      for (const listener of listeners) {
        try {
          listener(decoded.value);
        } catch (error) {
          log.error({ err: error }, 'a listener of live events failed');
        }
      }
    },
    onResync() {
      log.debug({ listeners: listeners.size }, 'live events connected');
    },
  });
  return {
    subscribe(listener) {
      // A wrapper of its own, so that one function may be subscribed twice.
      const entry = (event: LiveEvent): void => listener(event);
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
    async stop() {
      listeners.clear();
      await listening.stop();
    },
  };
}
