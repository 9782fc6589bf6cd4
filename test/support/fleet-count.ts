/** What of a telemetry fleet's acknowledged batches is in the tables: nothing missing, nothing twice, in order. */
import pg from 'pg';
import { FLEET_METRIC, FLEET_SERVICE, type FleetReading } from './telemetry-fleet.ts';

export interface FleetCount {
  /** Records of acknowledged batches. */
  readonly acked: number;
  readonly missing: number;
  readonly doubled: number;
  /** Batches whose rows were received before those of the batch before them. */
  readonly disordered: number;
  /** Records stored whose ack was not heard. */
  readonly unheard: number;
}

interface BatchRow {
  device: string;
  stream: string;
  seq: number;
  rows: number;
  places: number;
  received: Date;
}

const BATCHES = `
  SELECT device_id AS device, 'metrics' AS stream, (metric_value->>'seq')::int AS seq, count(*)::int AS rows,
         count(DISTINCT metric_value->>'index')::int AS places, min(received_at) AS received
  FROM device_metrics WHERE metric_type = '${FLEET_METRIC}' GROUP BY 1, 3
  UNION ALL
  SELECT device_id, 'logs', (metadata->>'seq')::int, count(*)::int,
         count(DISTINCT metadata->>'index')::int, min(received_at)
  FROM device_logs WHERE service_name = '${FLEET_SERVICE}' GROUP BY 1, 3
  ORDER BY device, stream, seq`;

export async function countFleet(
  databaseUrl: string,
  reading: FleetReading,
  recordsPerBatch: number,
): Promise<FleetCount> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<BatchRow>(BATCHES);
  await client.end();
  const stored = new Map(rows.map((row) => [`${row.device} ${row.stream} ${row.seq}`, row]));
  let acked = 0;
  let missing = 0;
  let ackedBatches = 0;
  for (const stream of reading.streams) {
    ackedBatches += stream.acked;
    for (let seq = 1; seq <= stream.acked; seq += 1) {
      acked += recordsPerBatch;
      const row = stored.get(`${stream.device} ${stream.stream} ${seq}`);
      missing += recordsPerBatch - (row?.places ?? 0);
    }
  }
  let disordered = 0;
  for (const [index, row] of rows.entries()) {
    const before = rows[index - 1];
    const isNext = before !== undefined && before.device === row.device && before.stream === row.stream;
    if (isNext && before.received > row.received) disordered += 1;
  }
  return {
    acked,
    missing,
    doubled: rows.reduce((sum, row) => sum + row.rows - row.places, 0),
    disordered,
    unheard: Math.max(0, rows.length - ackedBatches) * recordsPerBatch,
  };
}
