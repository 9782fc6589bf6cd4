/** Time series on TimescaleDB: hypertables; compressed after two weeks where the edition can. */
import type { ClientBase } from 'pg';
import { chunkHours, type MeasuredChunk, rowsPerDay } from './chunk-width.ts';
import type { Dialect } from './dialect.ts';
import { SERIES, type Series } from './series.ts';

/** Late backlogs are written before this; a compressed chunk takes inserts too, but slowly. */
const COMPRESS_AFTER_DAYS = 14;
/** Chunks of this time before now tell the rate of rows. */
const MEASURED_DAYS = 14;

export const timescale = (community: boolean): Dialect => ({
  hasDefault: false,

  async setUp(client) {
    for (const series of SERIES) {
      // The form with named arguments exists in every 2.x; `by_range` only since 2.13.
      await client.query(
        `SELECT create_hypertable('${series.table}', '${series.timeColumn}',
                chunk_time_interval => interval '${series.chunkHours} hours',
                create_default_indexes => false, if_not_exists => true, migrate_data => true)`,
      );
      if (community && !(await isCompressed(client, series))) {
        for (const statement of compressionSql(series)) await client.query(statement);
      }
    }
  },

  // Chunks ahead are made by TimescaleDB itself, in the width that holds then.
  async makeRoom(client, now) {
    for (const series of SERIES) {
      const rate = rowsPerDay(await chunksOf(client, series, now), now);
      const hours = rate === null ? null : chunkHours(rate);
      if (hours === null || hours === (await widthHours(client, series))) continue;
      await client.query(`SELECT set_chunk_time_interval('${series.table}', interval '${hours} hours')`);
    }
  },

  async dropBefore(client, series, cutoff) {
    await client.query(`SELECT drop_chunks('${series.table}', older_than => $1::timestamptz)`, [cutoff]);
  },

  bucketSql: (column, seconds) => `time_bucket(interval '${Math.trunc(seconds)} seconds', ${column})`,
});

/**
 * What the Community edition is told, once per table. Every query names a device or walks through one organisation's
 * time, so rows are kept together by device. Pure.
 */
export const compressionSql = ({ table, compressOrder }: Series): readonly string[] => [
  `ALTER TABLE ${table} SET (timescaledb.compress, timescaledb.compress_segmentby = 'device_id', timescaledb.compress_orderby = '${compressOrder}')`,
  `SELECT add_compression_policy('${table}', interval '${COMPRESS_AFTER_DAYS} days', if_not_exists => true)`,
];

async function isCompressed(client: ClientBase, { table }: Series): Promise<boolean> {
  const { rows } = await client.query<{ compressed: boolean }>(
    `SELECT compression_enabled AS compressed FROM timescaledb_information.hypertables
     WHERE hypertable_schema = current_schema() AND hypertable_name = $1`,
    [table],
  );
  return rows[0]?.compressed === true;
}

async function chunksOf(client: ClientBase, { table }: Series, now: Date): Promise<MeasuredChunk[]> {
  const { rows } = await client.query<MeasuredChunk>(
    `SELECT range_start AS from, range_end AS to,
            pg_stat_get_live_tuples(format('%I.%I', chunk_schema, chunk_name)::regclass)::float8 AS rows
     FROM timescaledb_information.chunks
     WHERE hypertable_schema = current_schema() AND hypertable_name = $1
       AND range_end > $2::timestamptz - interval '${MEASURED_DAYS} days' AND NOT coalesce(is_compressed, false)`,
    [table, now],
  );
  return rows;
}

async function widthHours(client: ClientBase, { table }: Series): Promise<number | null> {
  const { rows } = await client.query<{ hours: number }>(
    `SELECT extract(epoch FROM time_interval)::float8 / 3600 AS hours FROM timescaledb_information.dimensions
     WHERE hypertable_schema = current_schema() AND hypertable_name = $1 AND dimension_number = 1`,
    [table],
  );
  return rows[0]?.hours ?? null;
}
