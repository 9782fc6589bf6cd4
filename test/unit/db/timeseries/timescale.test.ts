import { describe, expect, it } from 'vitest';
import { SERIES } from '../../../../db/timeseries/series.ts';
import { compressionSql } from '../../../../db/timeseries/timescale.ts';

describe('compressionSql', () => {
  it('keeps the rows of a device together and in order of time, in every series', () => {
    expect(SERIES.map(({ table }) => table)).toEqual([
      ...['device_metrics', 'device_metrics_1m', 'device_metrics_1h', 'device_metrics_1d'],
      ...['device_logs', 'presence_events'],
    ]);
    expect(SERIES.filter(({ table }) => table === 'device_logs').flatMap(compressionSql)).toEqual([
      `ALTER TABLE device_logs SET (timescaledb.compress, timescaledb.compress_segmentby = 'device_id', timescaledb.compress_orderby = '"timestamp" DESC, id DESC')`,
      `SELECT add_compression_policy('device_logs', interval '14 days', if_not_exists => true)`,
    ]);
  });
});
