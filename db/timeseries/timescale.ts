/** Time series on TimescaleDB: hypertables; compressed after two weeks where the edition can. */
import type { Dialect } from './dialect.ts';
import { cutoffOf, SERIES } from './series.ts';

/** Late backlogs are written before this; a compressed chunk takes inserts too, but slowly. */
const COMPRESS_AFTER_DAYS = 14;

export const timescale = (community: boolean): Dialect => ({
  async setUp(client) {
    for (const { table, timeColumn, chunkDays, compressOrder } of SERIES) {
      // The form with named arguments exists in every 2.x; `by_range` only since 2.13.
      await client.query(
        `SELECT create_hypertable('${table}', '${timeColumn}', chunk_time_interval => interval '${chunkDays} days',
                create_default_indexes => false, if_not_exists => true, migrate_data => true)`,
      );
      if (!community) continue;
      const { rows } = await client.query<{ compressed: boolean }>(
        `SELECT compression_enabled AS compressed FROM timescaledb_information.hypertables
         WHERE hypertable_schema = current_schema() AND hypertable_name = $1`,
        [table],
      );
      if (rows[0]?.compressed === true) continue;
      await client.query(
        `ALTER TABLE ${table} SET (timescaledb.compress, timescaledb.compress_segmentby = 'device_id',
                timescaledb.compress_orderby = '${compressOrder}')`,
      );
      await client.query(
        `SELECT add_compression_policy('${table}', interval '${COMPRESS_AFTER_DAYS} days', if_not_exists => true)`,
      );
    }
  },

  // Chunks ahead are made by TimescaleDB itself.
  async maintain(client, now) {
    for (const series of SERIES) {
      await client.query(`SELECT drop_chunks('${series.table}', older_than => $1::timestamptz)`, [
        cutoffOf(series, now),
      ]);
    }
  },

  bucketSql: (column, seconds) => `time_bucket(interval '${Math.trunc(seconds)} seconds', ${column})`,
});
