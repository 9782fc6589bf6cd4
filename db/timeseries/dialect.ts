/** The few things in which the variants of time-series storage differ. */
import type { ClientBase } from 'pg';
import type { Database } from '../stores/contracts/database.ts';
import type { Series } from './series.ts';

export type Variant = Database['timeseries'];

/** Each client is a dedicated connection outside a transaction. */
export interface Dialect {
  /** Whether rows outside of all chunks lie in a table `{name}_default`. */
  readonly hasDefault: boolean;
  /** Idempotent: hypertables, or the partitions around `now`. */
  setUp(client: ClientBase, now: Date): Promise<void>;
  /** Makes room for the time ahead, in chunks sized by the measured rate of rows. */
  makeRoom(client: ClientBase, now: Date): Promise<void>;
  /** Drops whole chunks that end before `cutoff`; at once and without reading them. */
  dropBefore(client: ClientBase, series: Series, cutoff: Date): Promise<void>;
  /** An SQL expression: `column` (timestamptz) cut down to whole intervals of `seconds`, weeks starting on Monday, UTC. */
  bucketSql(column: string, seconds: number): string;
}
