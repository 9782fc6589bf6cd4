/**
 * Measurements from publish to committed row and ack, with the CPU time of each part beside the floor of the same run:
 * Mosquitto for the traffic plus psql's COPY for the rows.
 * `npm run bench:telemetry -- [--database timescale|embedded] [--phase small|big] [--seconds N] [--json FILE]`
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchDatabaseKind, DATABASES, startBenchDatabase } from './bench-database.ts';
import { PHASES } from './telemetry-phases.ts';
import { type PhaseResult, runPhase } from './telemetry-run.ts';
import { ratioOf, table } from './telemetry-table.ts';

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: 'timescale' },
    phase: { type: 'string' },
    seconds: { type: 'string' },
    rate: { type: 'string' },
    json: { type: 'string' },
  },
});
const kind = DATABASES.find((name) => name === values.database);
const phases = PHASES.filter(({ name }) => values.phase === undefined || name === values.phase);
if (kind === undefined || phases.length === 0) {
  console.error(
    `--database: ${DATABASES.join(' or ')}; --phase: ${PHASES.map(({ name }) => name).join(' or ')}`,
  );
  process.exit(2);
}
await main(kind);

async function main(chosen: BenchDatabaseKind): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'bench-telemetry-'));
  const database = await startBenchDatabase(chosen, dir);
  const results: PhaseResult[] = [];
  try {
    for (const phase of phases) {
      const changed = {
        ...phase,
        ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
        ...(values.rate === undefined ? {} : { messagesPerSecond: Number(values.rate) }),
      };
      results.push(await runPhase(database, changed, join(dir, phase.name)));
    }
  } finally {
    await database.stop();
    rmSync(dir, { recursive: true, force: true });
  }
  console.log(`\nPostgreSQL ${database.version}, ${chosen}\n\n${table(results)}\n`);
  if (values.json !== undefined) {
    writeFileSync(
      values.json,
      JSON.stringify(
        { at: new Date().toISOString(), database: chosen, version: database.version, results },
        null,
        2,
      ),
    );
  }
  const isSound = results.every(
    ({ load, rows, phase }) => load.broken === 0 && rows === load.acked * phase.pointsPerMessage,
  );
  const small = results.find(({ floor }) => floor !== null);
  const ratio = small === undefined ? null : ratioOf(small);
  console.log(
    `telemetry: ${ratio === null ? 'no floor measured' : `${ratio.toFixed(2)} x the floor`} (limit 2 x)`,
  );
  process.exit(isSound && (ratio === null || ratio <= 2) ? 0 : 1);
}
