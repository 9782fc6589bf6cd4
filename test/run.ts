/**
 * `npm test`: every stage in turn, closing with the line `N passed, N failed`.
 * Stages by name as arguments run alone; `timescale` (real TimescaleDB, root only) runs only when named.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureDebianTools } from './support/debian-tools.ts';

const root = resolve(import.meta.dirname, '..');
const artifacts = join(root, 'artifacts');
const totalsFile = join(artifacts, 'totals.json');
/** A line per thing that failed, told once more at the very end, where it is looked for. */
const failuresFile = join(artifacts, 'failures.txt');

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}
type Stage = () => Totals;

const vitest =
  (project: string, paths: readonly string[] = [], env: Record<string, string> = {}): Stage =>
  () => {
    const report = join(artifacts, `vitest-${project}.json`);
    rmSync(report, { force: true });
    const exit = run(
      'vitest',
      [
        'run',
        '--project',
        project,
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
        ...paths,
      ],
      env,
    );
    return readReport(report, exit);
  };

const command =
  (name: string, args: readonly string[]): Stage =>
  () => {
    const exit = run(name, args);
    return { passed: exit === 0 ? 1 : 0, failed: exit === 0 ? 0 : 1, skipped: 0 };
  };

const STAGES: Readonly<Record<string, Stage>> = {
  types: command('npm', ['run', '--silent', 'types']),
  lint: command('npm', ['run', '--silent', 'lint']),
  contract: command('npm', ['run', '--silent', 'contract:check']),
  console: command('npm', ['run', '--silent', 'build:console']),
  unit: vitest('unit'),
  integration: vitest('integration'),
  // The next major version of the engine, which speaks MQTT 5: reported, never blocking.
  'broker-next': () => {
    const { passed, failed } = vitest('integration', ['test/integration/broker'], { AEDES: 'next' })();
    console.log(`broker on the next engine: ${passed} of ${passed + failed} hold (reported only)`);
    return { passed: 0, failed: 0, skipped: 0 };
  },
  e2e: vitest('e2e'),
  bars: command('npm', ['run', '--silent', 'bars', '--', 'foundation', '--quick']),
  'bars-access': command('npm', ['run', '--silent', 'bars', '--', 'access', '--quick']),
  'bars-telemetry': command('npm', ['run', '--silent', 'bars', '--', 'telemetry', '--quick']),
  timescale: () => {
    const started = spawnSync('bash', [join(root, 'db/dev/timescaledb.sh'), 'start'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const url = started.stdout.trim().split('\n').at(-1) ?? '';
    if (started.status !== 0 || !url.startsWith('postgres')) return { passed: 0, failed: 1, skipped: 0 };
    try {
      return vitest('integration', ['test/integration/db', 'test/integration/control-plane'], {
        TEST_DATABASE_URL: url,
        TIMESERIES: 'timescale',
      })();
    } finally {
      run('bash', [join(root, 'db/dev/timescaledb.sh'), 'stop']);
    }
  },
};
const DEFAULT_STAGES = Object.keys(STAGES).filter((name) => name !== 'timescale');

const args = process.argv.slice(2);
const added = args.includes('--add-to-last');
const chosen = args.filter((arg) => !arg.startsWith('--'));
const unknown = chosen.filter((name) => !Object.hasOwn(STAGES, name));
if (unknown.length > 0) {
  console.error(`No such stage: ${unknown.join(', ')}. Stages: ${Object.keys(STAGES).join(', ')}`);
  process.exit(2);
}

mkdirSync(artifacts, { recursive: true });
if (!added) rmSync(failuresFile, { force: true });
ensureDebianTools();
// Nothing ran before: then there is nothing to add to.
const totals: Totals =
  added && existsSync(totalsFile)
    ? (JSON.parse(readFileSync(totalsFile, 'utf8')) as Totals)
    : { passed: 0, failed: 0, skipped: 0 };
for (const name of chosen.length > 0 ? chosen : DEFAULT_STAGES) {
  const startedAt = Date.now();
  console.log(`\n== ${name}`);
  const result = STAGES[name]?.() ?? { passed: 0, failed: 1, skipped: 0 };
  totals.passed += result.passed;
  totals.failed += result.failed;
  totals.skipped += result.skipped;
  if (result.failed > 0) appendFileSync(failuresFile, `stage ${name}: ${result.failed} failed\n`);
  console.log(
    `== ${name}: ${result.passed} passed, ${result.failed} failed in ${Math.round((Date.now() - startedAt) / 1000)} s`,
  );
}
writeFileSync(totalsFile, JSON.stringify(totals));
if (existsSync(failuresFile)) console.log(`\nWhat failed:\n${readFileSync(failuresFile, 'utf8').trimEnd()}`);
console.log(
  `\n${totals.passed} passed, ${totals.failed} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}`,
);
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);

function run(name: string, argv: readonly string[], env: Record<string, string> = {}): number {
  const result = spawnSync(name, argv, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, FAILURES_FILE: failuresFile, ...env },
  });
  return result.status ?? 1;
}

/** A run that ended badly without a failed test (a crash, an unhandled error) counts as one failure. */
function readReport(path: string, exit: number): Totals {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8')) as {
      numPassedTests: number;
      numFailedTests: number;
      numPendingTests: number;
      testResults: { assertionResults: { fullName: string; status: string }[] }[];
    };
    for (const { assertionResults } of report.testResults) {
      for (const { fullName, status } of assertionResults) {
        if (status === 'failed') appendFileSync(failuresFile, `${fullName}\n`);
      }
    }
    const failed = exit === 0 ? report.numFailedTests : Math.max(1, report.numFailedTests);
    return { passed: report.numPassedTests, failed, skipped: report.numPendingTests };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}
