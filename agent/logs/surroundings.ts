/** What every part of the shipper is given: clocks, the agent's log, and a way to report. */
import type { EventRecord } from '#contract';
import type { Log } from '../log.ts';

/** An event that the agent stamps and puts into its outbox. */
export type ShipperEvent = Omit<EventRecord, 'timestamp'>;

export interface Surroundings {
  readonly now: () => Date;
  /** Never jumps; for waiting and for rates. */
  readonly monotonicMs: () => number;
  readonly event: (event: ShipperEvent) => void;
  readonly log: Log;
}
