/** One CPU measurement a minute of each device, with its rollups: what ingest and the summing up would have left. */
import type { HistoryBuild } from './seeded-history.ts';

const DAY_MS = 86_400_000;
/** Days of which minutes are kept here: the bars read hours, and thirty days of minutes are 8 GB. */
const MINUTE_DAYS = 7;

/** A day at a time in order of time, as devices send, so that neighbours on disk are of different devices. */
const RAW_SQL = `INSERT INTO device_metrics
    (device_id, organization_id, "timestamp", received_at, metric_type, metric_value)
  SELECT d.id, d.organization_id, m.at, m.at, 'cpu',
         jsonb_build_object('percent', round((50 + 40 * sin(extract(epoch FROM m.at)::float8 / 7000
           + hashtext(d.device_name) % 100) + hashtext(m.at::text) % 10)::numeric, 1))
  FROM generate_series($1::timestamptz, $1::timestamptz + interval '23:59', interval '1 minute') AS m (at),
       edge_devices d
  ORDER BY m.at`;

/** The same sums as rollups.ts makes, of a whole day at once. */
const rollupSql = (table: string, unit: string): string => `INSERT INTO ${table}
    (device_id, organization_id, bucket, metric_type, labels, fields)
  SELECT device_id, organization_id, date_trunc('${unit}', "timestamp", 'UTC'), metric_type, '{}',
         jsonb_build_object('percent', jsonb_build_array(count(*), sum((metric_value -> 'percent')::float8),
           min((metric_value -> 'percent')::float8), max((metric_value -> 'percent')::float8)))
  FROM device_metrics WHERE "timestamp" >= $1 AND "timestamp" < $1::timestamptz + interval '1 day'
  GROUP BY 1, 2, 3, 4 ORDER BY 3`;

const INDEX = 'idx_device_metrics_device_time';

export async function loadMetrics({ client, size, end, step }: HistoryBuild): Promise<void> {
  // Made again over all rows at the end, in a fraction of the time.
  await step('raw index dropped', () => client.query(`DROP INDEX ${INDEX}`));
  for (let day = size.days; day > 0; day -= 1) {
    const at = new Date(+end - day * DAY_MS);
    await step(`day ${size.days - day + 1} of ${size.days}`, async () => {
      await client.query(RAW_SQL, [at]);
      await client.query(rollupSql('device_metrics_1h', 'hour'), [at]);
      await client.query(rollupSql('device_metrics_1d', 'day'), [at]);
      if (day <= MINUTE_DAYS) await client.query(rollupSql('device_metrics_1m', 'minute'), [at]);
    });
  }
  await step('raw index', () =>
    client.query(`CREATE INDEX ${INDEX} ON device_metrics (device_id, "timestamp" DESC)`),
  );
  // The last hour still runs.
  await step('marks of the last hour', () =>
    client.query(
      `INSERT INTO metric_hours_dirty SELECT id, $1::timestamptz - interval '1 hour', $1 FROM edge_devices`,
      [end],
    ),
  );
  await step('statistics', () => client.query('ANALYZE'));
}
