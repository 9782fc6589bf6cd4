/** Time series on PostgreSQL alone: native range partitions by month, and a default one so that no row is refused. */
import type { ClientBase } from 'pg';
import type { Dialect } from './dialect.ts';
import { type Month, monthOf, monthOfLabel } from './months.ts';
import { cutoffOf, SERIES, type Series } from './series.ts';

/** Devices send backlogs, so the month before; and maintenance may be late, so two months ahead. */
const MONTH_OFFSETS = [-1, 0, 1, 2] as const;
/** Ingest waits at most this long for a new partition (RELIABILITY M1). */
const LOCK_TIMEOUT_MS = 2000;
/** Serialises processes that create the same partition; any constant of our own will do. */
const PARTITION_LOCK = 7_016_402;

export const partitions: Dialect = {
  async setUp(client, now) {
    for (const series of SERIES) {
      await client.query(
        `CREATE TABLE IF NOT EXISTS ${series.table}_default PARTITION OF ${series.table} DEFAULT`,
      );
      const months = await monthsOf(client, series);
      for (const offset of MONTH_OFFSETS) {
        const month = monthOf(now, offset);
        if (!months.some(({ label }) => label === month.label)) await addMonth(client, series, month);
      }
    }
  },

  async maintain(client, now) {
    await partitions.setUp(client, now);
    for (const series of SERIES) {
      const cutoff = cutoffOf(series, now);
      for (const month of await monthsOf(client, series)) {
        if (month.to <= cutoff) await client.query(`DROP TABLE IF EXISTS ${series.table}_${month.label}`);
      }
      // Backlogs from before the oldest partition lie here.
      await client.query(`DELETE FROM ${series.table}_default WHERE "${series.timeColumn}" < $1`, [cutoff]);
    }
  },

  // The same origin as time_bucket has: Monday, 3 January 2000.
  bucketSql: (column, seconds) =>
    `date_bin(interval '${Math.trunc(seconds)} seconds', ${column}, timestamptz '2000-01-03 00:00:00+00')`,
};

async function monthsOf(client: ClientBase, { table }: Series): Promise<Month[]> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass',
    [table],
  );
  return rows.flatMap(({ name }) => monthOfLabel(name.slice(table.length + 1)) ?? []);
}

/** Rows of that month may already lie in the default partition, where they would forbid the new one: they move. */
async function addMonth(client: ClientBase, { table, timeColumn }: Series, month: Month): Promise<void> {
  const name = `${table}_${month.label}`;
  const range = `'${month.from.toISOString()}') TO ('${month.to.toISOString()}'`;
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await client.query(`SELECT pg_advisory_xact_lock(${PARTITION_LOCK})`);
    const { rows } = await client.query<{ made: boolean }>('SELECT to_regclass($1) IS NOT NULL AS made', [
      name,
    ]);
    if (rows[0]?.made !== true) {
      await client.query(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
      await client.query(`CREATE TABLE ${name} (LIKE ${table} INCLUDING DEFAULTS)`);
      await client.query(
        `WITH moved AS (
           DELETE FROM ${table}_default WHERE "${timeColumn}" >= $1 AND "${timeColumn}" < $2 RETURNING *
         ) INSERT INTO ${name} SELECT * FROM moved`,
        [month.from, month.to],
      );
      await client.query(`ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM (${range})`);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
