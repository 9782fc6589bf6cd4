/**
 * 30 days of one metric of one device, as the API reads them for a chart, out of 90 days of history of many devices:
 * from a cold start, with nothing in memory, and warm.
 * `node test/bars/telemetry/chart-30-days.ts [--long] [--devices 40]`; --long: 1,000 devices, built once and kept.
 */
import { parseArgs } from 'node:util';
import { bucketsSql } from '../../../db/stores/series-sql.ts';
import { partitions } from '../../../db/timeseries/partitions.ts';
import { runBar } from '../../support/bar.ts';
import { FULL, openHistory, type SeededHistory } from '../../support/seeded-history.ts';

const LIMIT_MS = 300;
const RANGE_DAYS = 30;
const DAY_MS = 86_400_000;
/** Devices asked for, one after the other, each for the first time since the start. */
const ASKED = 10;
const SHAPE = { resolution: '1h', bucketSeconds: 3600, limit: 5000 } as const;

const { values } = parseArgs({
  options: { long: { type: 'boolean', default: false }, devices: { type: 'string', default: '40' } },
});
const size = values.long ? FULL.metrics : { ...FULL.metrics, devices: Number(values.devices) };

async function measureAll(history: SeededHistory): Promise<number[]> {
  const step = Math.max(1, Math.floor(history.deviceIds.length / ASKED));
  const times: number[] = [];
  for (let asked = 0; asked < ASKED; asked += 1) {
    const deviceId = history.deviceIds[(asked * step) % history.deviceIds.length] ?? '';
    times.push(await measure(history, deviceId));
  }
  return times;
}

const rangeOf = ({ end }: SeededHistory) => ({ from: new Date(+end - RANGE_DAYS * DAY_MS), to: end });

async function measure(history: SeededHistory, deviceId: string): Promise<number> {
  const { series } = history.database();
  const startedAt = performance.now();
  const buckets = await series.buckets(
    history.orgId,
    { deviceIds: [deviceId], metricType: 'cpu', field: 'percent', labels: null, ...rangeOf(history) },
    SHAPE,
  );
  const ms = performance.now() - startedAt;
  const samples = buckets.reduce((sum, { n }) => sum + n, 0);
  if (buckets.length !== RANGE_DAYS * 24 || samples !== RANGE_DAYS * 1440) {
    throw new Error(`${buckets.length} buckets of ${samples} samples: the history is not what it should be`);
  }
  return ms;
}

async function printPlan(history: SeededHistory, deviceId: string, state: string): Promise<void> {
  const { from, to } = rangeOf(history);
  const { rows } = await history
    .client()
    .query<{ 'QUERY PLAN': string }>(
      `EXPLAIN (ANALYZE, BUFFERS) ${bucketsSql(partitions, { ...SHAPE, oneField: true, combined: false })}`,
      [history.orgId, [deviceId], 'cpu', from, to, 'percent', null, SHAPE.limit + 1, from],
    );
  console.log(`\nPlan, ${state}:\n${rows.map((row) => row['QUERY PLAN']).join('\n')}\n`);
}

function shown(ms: number): string {
  return `${ms.toFixed(0)} ms`;
}

await runBar(async () => {
  const history = await openHistory('metrics', size, { keep: values.long, end: new Date() });
  try {
    await history.chill();
    await printPlan(history, history.deviceIds[0] ?? '', 'cold');
    await history.chill();
    const cold = await measureAll(history);
    const warm = await measureAll(history);
    await printPlan(history, history.deviceIds[0] ?? '', 'warm');
    console.log(`cold: ${cold.map(shown).join(', ')}\nwarm: ${warm.map(shown).join(', ')}`);
    const worst = Math.max(...cold, ...warm);
    return {
      name: 'chart-30-days',
      figure: `${shown(worst)} at worst, ${shown(Math.max(...warm))} warm, from ${size.days} days × ${size.devices} devices`,
      limit: `< ${LIMIT_MS} ms`,
      holds: worst < LIMIT_MS,
    };
  } finally {
    await history.stop();
  }
});
