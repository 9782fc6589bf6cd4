/** Takes up metric types that devices sent and nobody declared: beside ingest, each once. */
import type { Database } from '#db';
import type { Logger } from '../log.ts';

const FLUSH_MS = 1000;
/** Names remembered as told; beyond it they are told again. */
const MAX_TOLD = 20_000;
/** Names that wait; more come again with the next batch. */
const MAX_WAITING = 1000;

export interface NewTypes {
  note(orgId: string, names: ReadonlySet<string>): void;
  stop(): Promise<void>;
}

export function startNewTypes(deps: {
  database: Pick<Database, 'metricTypes'>;
  log: Logger;
  now: () => Date;
}): NewTypes {
  const told = new Set<string>();
  let waiting = new Map<string, Set<string>>();
  let size = 0;
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const due = waiting;
    waiting = new Map();
    size = 0;
    writing = writing.then(async () => {
      for (const [orgId, names] of due) await write(orgId, [...names]);
    });
  }

  async function write(orgId: string, names: readonly string[]): Promise<void> {
    try {
      await deps.database.metricTypes.noteSeen(orgId, names, deps.now());
    } catch (error) {
      deps.log.debug({ err: error, orgId }, 'metric types not taken up');
      for (const name of names) told.delete(`${orgId} ${name}`);
    }
  }

  return {
    note(orgId, names) {
      for (const name of names) {
        const key = `${orgId} ${name}`;
        if (told.has(key) || size >= MAX_WAITING) continue;
        if (told.size >= MAX_TOLD) told.clear();
        told.add(key);
        const ofOrg = waiting.get(orgId) ?? new Set();
        waiting.set(orgId, ofOrg.add(name));
        size += 1;
        timer ??= setTimeout(flush, FLUSH_MS);
      }
    },
    async stop() {
      flush();
      await writing;
    },
  };
}
