/** Log lines as fleets write them: few templates, many values, some rare words; a day and its indexes at a time. */
import type { HistoryBuild } from './seeded-history.ts';

const DAY_MS = 86_400_000;
/** Stands in one line of five million, on every sixth day. */
export const RARE_WORD = 'zirkonium';

/** $1 day, $2 lines, $3 devices; `i` is the number of the line within its day. */
const LINES_SQL = `INSERT INTO device_logs
    (device_id, organization_id, "timestamp", received_at, log_level, service_name, message)
  SELECT d.id, d.organization_id, l.at, l.at,
         CASE WHEN l.i % 2003 = 0 THEN 'critical' WHEN l.i % 101 = 0 THEN 'error' WHEN l.i % 13 = 0 THEN 'warning'
              WHEN l.i % 5 = 0 THEN 'debug' ELSE 'info' END,
         (ARRAY['sshd', 'vllm', 'open-webui', 'docker', 'kernel', 'nginx', 'agent', 'cron'])[1 + l.r % 8],
         CASE
           WHEN l.i = 777777 AND extract(day FROM $1::timestamptz)::int % 6 = 0
             THEN 'calibration of ${RARE_WORD} probe finished'
           WHEN l.r % 10 < 4 THEN 'GET /api/v1/items/' || l.r % 5000 || ' status=200 user=' || l.r % 900 || ' took '
             || l.r % 397 || ' ms request=' || md5(l.i::text || $1::text)::varchar(8)
           WHEN l.r % 10 < 6 THEN 'request queued worker=' || l.r % 32 || ' depth=' || l.r % 64
           WHEN l.r % 10 = 6 THEN 'connection to 10.0.' || l.r % 250 || '.' || l.i % 250 || ' refused by peer, retry '
             || l.r % 5
           WHEN l.r % 1000 < 750 THEN 'connection refused: upstream /var/run/backend-' || l.r % 20 || '.sock'
           WHEN l.r % 10 = 7 THEN 'session opened for user u' || l.r % 3000
           WHEN l.r % 10 = 8 THEN 'disk usage of /var/lib/data at ' || l.r % 100 || ' percent'
           ELSE 'health check passed for service s' || l.r % 40 END
  FROM (SELECT i, (hashint4(i) & 1048575) AS r, $1::timestamptz + i * (interval '1 day' / $2::int) AS at
        FROM generate_series(0, $2::int - 1) AS i) AS l
  JOIN (SELECT id, organization_id, row_number() OVER (ORDER BY device_name) - 1 AS number FROM edge_devices) AS d
    ON d.number = (l.r + l.i) % $3::int
  ORDER BY l.at`;

export async function loadLogs({ client, size, end, step }: HistoryBuild): Promise<void> {
  const indexes = await rememberIndexes({ client, step });
  const lines = Math.ceil(size.lines / size.days);
  for (let day = size.days; day > 0; day -= 1) {
    const at = new Date(+end - day * DAY_MS);
    await step(`day ${size.days - day + 1} of ${size.days}`, async () => {
      const partition = `device_logs_${at.toISOString().slice(0, 10).replaceAll('-', '_')}`;
      await client.query(LINES_SQL, [at, lines, size.devices]);
      for (const { definition } of indexes) await client.query(onPartition(definition, partition));
    });
  }
  // The parent takes up the partitions' own.
  for (const { name, definition } of indexes) {
    await step(`index ${name}`, () => client.query(definition.replace(' ON ONLY ', ' ON ')));
  }
  await step('statistics', () => client.query('ANALYZE'));
}

interface IndexRow {
  readonly name: string;
  readonly definition: string;
}

/** Made per day after its lines, which is many times faster than with them. */
async function rememberIndexes({
  client,
  step,
}: Pick<HistoryBuild, 'client' | 'step'>): Promise<readonly IndexRow[]> {
  await step('indexes dropped', async () => {
    await client.query(
      `CREATE TABLE history_indexes AS SELECT indexname::text AS name, indexdef AS definition
       FROM pg_indexes WHERE tablename = 'device_logs'`,
    );
    const { rows } = await client.query<IndexRow>('SELECT * FROM history_indexes');
    for (const { name } of rows) await client.query(`DROP INDEX ${name}`);
  });
  const { rows } = await client.query<IndexRow>('SELECT * FROM history_indexes ORDER BY name');
  return rows;
}

const onPartition = (definition: string, partition: string): string =>
  definition
    .replace(/^CREATE INDEX \S+/, 'CREATE INDEX')
    .replace(/ ON (ONLY )?\S*device_logs /, ` ON ${partition} `);
