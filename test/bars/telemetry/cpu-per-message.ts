/** CPU per durable message of broker, control plane and PostgreSQL together, against Mosquitto plus psql's COPY in the same run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBenchDatabase } from '../../bench/bench-database.ts';
import { SMALL } from '../../bench/telemetry-phases.ts';
import { runPhase } from '../../bench/telemetry-run.ts';
import { ratioOf, table } from '../../bench/telemetry-table.ts';
import { runBar } from '../../support/bar.ts';

const LIMIT = 2;
const isLong = process.argv.includes('--long');

await runBar(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'bar-cpu-'));
  const database = await startBenchDatabase(process.getuid?.() === 0 ? 'timescale' : 'embedded', dir);
  try {
    const result = await runPhase(database, { ...SMALL, seconds: isLong ? 130 : 30 }, join(dir, 'run'));
    console.log(table([result]));
    const ratio = ratioOf(result) ?? Number.POSITIVE_INFINITY;
    const isWhole = result.load.broken === 0 && result.rows === result.load.acked * SMALL.pointsPerMessage;
    return {
      name: 'cpu-per-message',
      figure: `${ratio.toFixed(2)} x the floor at ${Math.round(result.messagesPerSecond)} messages/s${isWhole ? '' : ', rows do not match'}`,
      limit: `at most ${LIMIT} x`,
      holds: ratio <= LIMIT && isWhole,
    };
  } finally {
    await database.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});
