/** Points a second that are durable and acknowledged, over 20 s (10 min with --long), with the load beside it; memory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBenchDatabase } from '../../bench/bench-database.ts';
import { BIG } from '../../bench/telemetry-phases.ts';
import { type MemoryReading, runPhase } from '../../bench/telemetry-run.ts';
import { table } from '../../bench/telemetry-table.ts';
import { runBar } from '../../support/bar.ts';

const LIMIT_POINTS = 100_000;
const LIMIT_P99_MS = 1000;
/** Growth from the second to the last quarter of the run. A heap that breathes stays under it. */
const LIMIT_GROWTH_MB = 50;
const isLong = process.argv.includes('--long');

await runBar(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'bar-points-'));
  const database = await startBenchDatabase(process.getuid?.() === 0 ? 'timescale' : 'embedded', dir);
  try {
    const seconds = isLong ? 600 : 20;
    const { warmupSeconds } = BIG;
    const result = await runPhase(database, { ...BIG, seconds: seconds + warmupSeconds }, join(dir, 'run'));
    console.log(table([result]));
    const growth = growthOf(result.memory);
    const isFlat = !isLong || growth <= LIMIT_GROWTH_MB;
    const isWhole = result.load.broken === 0 && result.rows === result.load.acked * BIG.pointsPerMessage;
    const points = Math.round(result.pointsPerSecond).toLocaleString('en');
    const p99 = Math.round(result.load.p99);
    return {
      name: 'sustained-points',
      figure: `${points} points/s over ${seconds} s, ack p99 ${p99} ms, memory ${growth >= 0 ? '+' : ''}${growth.toFixed(0)} MB${isWhole ? '' : ', rows do not match'}`,
      limit: `at least ${LIMIT_POINTS.toLocaleString('en')} points/s, p99 under ${LIMIT_P99_MS} ms, memory flat over 10 min`,
      holds: result.pointsPerSecond >= LIMIT_POINTS && result.load.p99 < LIMIT_P99_MS && isFlat && isWhole,
    };
  } finally {
    await database.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});

/** Broker and control plane together: mean of the last quarter minus mean of the second one. */
function growthOf(memory: readonly MemoryReading[]): number {
  const quarter = Math.floor(memory.length / 4);
  const mean = (from: number): number => {
    const part = memory.slice(from, from + quarter);
    return (
      part.reduce((sum, { brokerMb, controlPlaneMb }) => sum + brokerMb + controlPlaneMb, 0) /
      Math.max(1, part.length)
    );
  };
  return mean(memory.length - quarter) - mean(quarter);
}
