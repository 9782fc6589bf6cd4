/** Carries out what relief.ts plans, batch by batch, oldest first; never touches a batch that has a number. */
import type { Stream } from '#contract';
import { recordsOf } from './body.ts';
import type { Held } from './held.ts';
import type { OutboxLimits } from './limits.ts';
import { type BytesByStream, isFull, planRelief, type ReliefStep } from './relief.ts';
import { thin, withoutLevel } from './thinning.ts';

export const bytesOf = ({ counts: { events, logs, metrics } }: Held): BytesByStream => ({
  events: events.bytes,
  logs: logs.bytes,
  metrics: metrics.bytes,
});

/** Frees down to the lower mark once the upper one is passed. */
export function makeRoom(held: Held, limits: OutboxLimits): void {
  if (!isFull(bytesOf(held), limits)) return;
  for (;;) {
    const steps = planRelief(bytesOf(held), limits);
    // Nothing more to give: only batches on their way are left.
    if (!steps.some((step) => CARRY_OUT[step](held))) return;
  }
}

/** Each does its step on one batch; false when there is none left for it. */
const CARRY_OUT: Readonly<Record<ReliefStep, (held: Held) => boolean>> = {
  thin_metrics(held) {
    const row = held.rows.oldestThinned('metrics', 0, held.waiting('metrics'));
    if (row === null) return false;
    held.inTransaction(() => {
      const records = thin(recordsOf('metrics', held.rows.body(row.id)));
      held.rewrite('metrics', row, records, { thinned: 1 });
    });
    return true;
  },
  drop_debug_logs: (held) => dropLevel(held, 'debug', 0),
  drop_info_logs: (held) => dropLevel(held, 'info', 1),
  drop_metrics: (held) => dropOldest(held, 'metrics'),
  drop_logs: (held) => dropOldest(held, 'logs'),
  drop_events: (held) => dropOldest(held, 'events'),
};

/** `thinned` of a logs batch: how many levels, from debug on, are gone from it. */
function dropLevel(held: Held, level: 'debug' | 'info', thinned: 0 | 1): boolean {
  const row = held.rows.oldestThinned('logs', thinned, held.waiting('logs'));
  if (row === null) return false;
  held.inTransaction(() => {
    const records = recordsOf('logs', held.rows.body(row.id));
    const kept = withoutLevel(records, level);
    if (kept.length === row.records) held.rows.setThinned(row.id, thinned + 1);
    else held.rewrite('logs', row, kept, { thinned: thinned + 1 });
  });
  return true;
}

function dropOldest(held: Held, stream: Stream): boolean {
  const row = held.rows.oldest(stream, 0, Number.MAX_SAFE_INTEGER, held.waiting(stream));
  if (row === null) return held.dropOpen(stream);
  held.inTransaction(() => held.drop(stream, row));
  return true;
}
