/** Time series on PostgreSQL alone: native range partitions, and a default one so that no row is refused. */
import type { ClientBase } from 'pg';
import { type MeasuredChunk, partitionWidth, rowsPerDay } from './chunk-width.ts';
import type { Dialect } from './dialect.ts';
import { SERIES, type Series } from './series.ts';
import { labelOf, missingSpans, type Span, tooWideAhead, type Width } from './spans.ts';

/** Ingest waits at most this long for a new partition or for one that goes (RELIABILITY M1). */
const LOCK_TIMEOUT_MS = 2000;
/** Serialises processes that create the same partition; any constant of our own will do. */
const PARTITION_LOCK = 7_016_402;
/** Partitions of this time before now tell the rate of rows. */
const MEASURED_DAYS = 14;
const DAY_MS = 86_400_000;

interface Partition extends MeasuredChunk {
  readonly name: string;
}

export const partitions: Dialect = {
  hasDefault: true,

  async setUp(client, now) {
    for (const series of SERIES) {
      await client.query(
        `CREATE TABLE IF NOT EXISTS ${series.table}_default PARTITION OF ${series.table} DEFAULT`,
      );
      const existing = await partitionsOf(client, series);
      await addMissing(client, series, existing, widthOf(series, existing, now), now);
    }
  },

  async makeRoom(client, now) {
    for (const series of SERIES) {
      const before = await partitionsOf(client, series);
      const width = widthOf(series, before, now);
      for (const span of tooWideAhead(before, width, now)) await dropIfEmpty(client, series, span);
      await addMissing(client, series, await partitionsOf(client, series), width, now);
    }
  },

  async dropBefore(client, series, cutoff) {
    for (const { name, to } of await partitionsOf(client, series)) {
      if (to > cutoff) continue;
      await inTransaction(client, () => client.query(`DROP TABLE IF EXISTS ${name}`));
    }
  },

  // The same origin as time_bucket has: Monday, 3 January 2000.
  bucketSql: (column, seconds) =>
    `date_bin(interval '${Math.trunc(seconds)} seconds', ${column}, timestamptz '2000-01-03 00:00:00+00')`,
};

/** By the measured rate, once there is one. */
function widthOf(series: Series, existing: readonly Partition[], now: Date): Width {
  const since = +now - MEASURED_DAYS * DAY_MS;
  const rate = rowsPerDay(
    existing.filter(({ to }) => +to > since),
    now,
  );
  return rate === null ? series.width : partitionWidth(rate);
}

async function addMissing(
  client: ClientBase,
  series: Series,
  existing: readonly Span[],
  width: Width,
  now: Date,
): Promise<void> {
  for (const span of missingSpans(existing, width, now)) await addPartition(client, series, span);
}

/** All but the default one. The bounds are parsed by the server, whose way of writing them depends on its settings. */
async function partitionsOf(client: ClientBase, { table }: Series): Promise<Partition[]> {
  const { rows } = await client.query<Partition>(
    `SELECT name, bound[1]::timestamptz AS from, bound[2]::timestamptz AS to, rows
     FROM (SELECT c.oid::regclass::text AS name, pg_stat_get_live_tuples(c.oid)::float8 AS rows,
                  regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \\('([^']+)'\\) TO \\('([^']+)'\\)$$) AS bound
           FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
           WHERE i.inhparent = $1::regclass) AS partition
     WHERE bound IS NOT NULL ORDER BY 2`,
    [table],
  );
  return rows;
}

/** Rows of that time may already lie in the default partition, where they would forbid the new one: they move. */
async function addPartition(client: ClientBase, { table, timeColumn }: Series, span: Span): Promise<void> {
  const name = `${table}_${labelOf(span)}`;
  const range = `'${span.from.toISOString()}') TO ('${span.to.toISOString()}'`;
  await inTransaction(client, async () => {
    await client.query(`SELECT pg_advisory_xact_lock(${PARTITION_LOCK})`);
    const { rows } = await client.query<{ made: boolean }>('SELECT to_regclass($1) IS NOT NULL AS made', [
      name,
    ]);
    if (rows[0]?.made === true) return;
    await client.query(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
    await client.query(`CREATE TABLE ${name} (LIKE ${table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`);
    await client.query(
      `WITH moved AS (
         DELETE FROM ${table}_default WHERE "${timeColumn}" >= $1 AND "${timeColumn}" < $2 RETURNING *
       ) INSERT INTO ${name} SELECT * FROM moved`,
      [span.from, span.to],
    );
    await client.query(`ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM (${range})`);
  });
}

/** Under the lock that an insert would wait for, so that no row slips in between. */
async function dropIfEmpty(client: ClientBase, { table }: Series, span: Span): Promise<void> {
  const name = `${table}_${labelOf(span)}`;
  await inTransaction(client, async () => {
    await client.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    const { rows } = await client.query(`SELECT FROM ${name} LIMIT 1`);
    if (rows.length === 0) await client.query(`DROP TABLE ${name}`);
  });
}

async function inTransaction(client: ClientBase, work: () => Promise<unknown>): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await work();
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
