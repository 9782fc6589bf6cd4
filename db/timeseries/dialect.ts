/** The only three things in which the variants of time-series storage differ: set-up, retention, bucket SQL. */
import type { ClientBase } from 'pg';
import type { Database } from '../stores/contracts/database.ts';

export type Variant = Database['timeseries'];

/** Each client is a dedicated connection outside a transaction. */
export interface Dialect {
  /** Idempotent: hypertables, or the partitions around `now`. */
  setUp(client: ClientBase, now: Date): Promise<void>;
  /** Makes room for the time ahead and drops what is older than its retention. */
  maintain(client: ClientBase, now: Date): Promise<void>;
  /** An SQL expression: `column` (timestamptz) cut down to whole intervals of `seconds`, weeks starting on Monday, UTC. */
  bucketSql(column: string, seconds: number): string;
}
