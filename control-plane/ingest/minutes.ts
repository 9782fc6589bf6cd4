/** What each organisation sends, counted by the minute and written every few seconds. */
import type { Database, IngestMinute } from '#db';
import type { Logger } from '../log.ts';
import type { BatchMessage } from './message.ts';
import type { Outcome } from './outcome.ts';

const MINUTE_MS = 60_000;
/** The dashboard is this old at most. */
export const FLUSH_MS = 10_000;
/** Organisation minutes that wait while the database is away; then the oldest are given up: they are figures, no records. */
const MAX_WAITING = 10_000;

type Tally = { -readonly [K in keyof IngestMinute]: IngestMinute[K] };

export interface IngestMinutes {
  note(messages: readonly BatchMessage[], outcomes: readonly Outcome[], committedAt: Date): void;
  stop(): Promise<void>;
}

export function startIngestMinutes(deps: {
  database: Pick<Database, 'telemetry'>;
  log: Logger;
}): IngestMinutes {
  let tallies = new Map<string, Tally>();
  let flushing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => void flush(), FLUSH_MS);
  timer.unref();

  function flush(): Promise<void> {
    flushing = flushing.then(async () => {
      if (tallies.size === 0) return;
      const due = tallies;
      tallies = new Map();
      try {
        await deps.database.telemetry.addMinutes([...due.values()]);
      } catch (error) {
        deps.log.debug({ err: error }, 'counters of ingest not written');
        for (const [key, tally] of tallies) due.set(key, mergeTallies(due.get(key), tally));
        tallies = new Map([...due].slice(-MAX_WAITING));
      }
    });
    return flushing;
  }

  return {
    note(messages, outcomes, committedAt) {
      const at = Math.floor(committedAt.getTime() / MINUTE_MS) * MINUTE_MS;
      for (let index = 0; index < messages.length; index += 1) {
        const message = messages[index] as BatchMessage;
        const outcome = outcomes[index] as Outcome;
        if (outcome.orgId === null || outcome.kind === 'disabled' || outcome.kind === 'gap') continue;
        const key = `${outcome.orgId} ${at}`;
        let tally = tallies.get(key);
        if (tally === undefined) {
          tally = emptyTally(outcome.orgId, at);
          tallies.set(key, tally);
        }
        addTo(tally, message, outcome, committedAt.getTime());
      }
    },
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}

const emptyTally = (orgId: string, at: number): Tally => ({
  orgId,
  at: new Date(at),
  messages: 0,
  points: 0,
  logLines: 0,
  deadLetters: 0,
  duplicates: 0,
  lagMsMax: null,
  commitMsMax: null,
});

/** Changes `tally`. */
function addTo(
  tally: Tally,
  message: BatchMessage,
  { kind, prepared }: Outcome,
  committedAtMs: number,
): void {
  tally.messages += 1;
  if (kind === 'duplicate') tally.duplicates += 1;
  tally.commitMsMax = Math.max(tally.commitMsMax ?? 0, committedAtMs - message.receivedAt.getTime());
  if (prepared === null) return;
  tally.points += prepared.metrics.length;
  tally.logLines += prepared.logs.length;
  tally.deadLetters += prepared.rejected.length;
  if (prepared.newestMs !== null) {
    tally.lagMsMax = Math.max(tally.lagMsMax ?? 0, committedAtMs - prepared.newestMs);
  }
}

function mergeTallies(left: Tally | undefined, right: Tally): Tally {
  if (left === undefined) return right;
  const highest = (a: number | null, b: number | null): number | null =>
    a === null || b === null ? (a ?? b) : Math.max(a, b);
  return {
    ...left,
    messages: left.messages + right.messages,
    points: left.points + right.points,
    logLines: left.logLines + right.logLines,
    deadLetters: left.deadLetters + right.deadLetters,
    duplicates: left.duplicates + right.duplicates,
    lagMsMax: highest(left.lagMsMax, right.lagMsMax),
    commitMsMax: highest(left.commitMsMax, right.commitMsMax),
  };
}
