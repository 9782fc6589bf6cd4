/**
 * Keeps floods of refusals from filling the audit log, which nothing is ever deleted from: the first of a kind within a
 * minute leave a row each, all others leave one row together that counts them.
 */
import type { Database, NewAuditEntry } from '#db';
import type { Logger } from '../log.ts';

/** Per kind and minute with a row of their own: more than a person at work can make. */
export const OWN_ROWS = 20;
const WINDOW_MS = 60_000;
/** Kinds counted at the same time; what comes beyond is counted together. */
const MAX_KINDS = 1000;
/** Objects that the common row names. */
const MAX_SAMPLES = 10;

interface Kind {
  readonly since: number;
  own: number;
  folded: number;
  last: NewAuditEntry;
  readonly objects: Set<string>;
}

export interface FoldingDatabase {
  readonly database: Database;
  /** Writes the rows of what was counted. */
  stop(): Promise<void>;
}

export function foldRefusals(database: Database, log: Logger, now: () => Date): FoldingDatabase {
  const kinds = new Map<string, Kind>();
  // As the owner: it runs after the requests that it counts, and for several organisations.
  const write = async (kind: Kind): Promise<void> => {
    if (kind.folded === 0) return;
    try {
      await database.asOwner(() => database.audit.append(commonRow(kind)));
    } catch (error) {
      log.error({ err: error, ...commonRow(kind) }, 'audit row of repeated refusals could not be written');
    }
  };

  function settle(isDone: (kind: Kind) => boolean): Promise<unknown> {
    const done = [...kinds].filter(([, kind]) => isDone(kind));
    for (const [key] of done) kinds.delete(key);
    return Promise.all(done.map(([, kind]) => write(kind)));
  }
  const timer = setInterval(
    () => void settle(({ since }) => now().getTime() - since >= WINDOW_MS),
    WINDOW_MS / 6,
  );
  timer.unref();

  /** Whether the row is to be written as it is. */
  function admits(entry: NewAuditEntry): boolean {
    const key = keyOf(entry, kinds.size >= MAX_KINDS ? kinds : null);
    const known = kinds.get(key);
    const isOver = known !== undefined && now().getTime() - known.since >= WINDOW_MS;
    if (known !== undefined && isOver) void write(known);
    if (known === undefined || isOver) {
      kinds.set(key, { since: now().getTime(), own: 1, folded: 0, last: entry, objects: new Set() });
      return true;
    }
    if (known.own < OWN_ROWS) {
      known.own += 1;
      return true;
    }
    known.folded += 1;
    known.last = entry;
    if (known.objects.size < MAX_SAMPLES) known.objects.add(entry.object);
    return false;
  }

  return {
    database: {
      ...database,
      audit: {
        ...database.audit,
        append: async (entry) => {
          if (entry.outcome !== 'refused' || admits(entry)) await database.audit.append(entry);
        },
      },
    },
    async stop() {
      clearInterval(timer);
      await settle(() => true);
    },
  };
}

/** Who, what and why; of too many kinds only the last two matter. */
function keyOf(entry: NewAuditEntry, full: ReadonlyMap<string, Kind> | null): string {
  const code = codeOf(entry);
  const key = JSON.stringify([entry.orgId, entry.actor, entry.ipAddress, entry.action, code]);
  return full === null || full.has(key) ? key : JSON.stringify([entry.orgId, entry.action, code]);
}

const codeOf = ({ detail }: NewAuditEntry): unknown =>
  typeof detail === 'object' && detail !== null && 'code' in detail ? detail.code : null;

const commonRow = ({ last, folded, objects, since }: Kind): NewAuditEntry => ({
  ...last,
  attemptId: undefined,
  repeats: folded,
  detail: { code: codeOf(last), since: new Date(since).toISOString(), objects: [...objects] },
});
