/**
 * `npm run bars -- <area> [--long | --quick]`: every script of test/bars/<area>/ in turn; each one's last line is its
 * verdict. `--quick` leaves out those that build large data sets, need tools from outside or a quiet machine; those that
 * can do less see BARS_QUICK=1.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [area, ...rest] = process.argv.slice(2);
const folder = join(import.meta.dirname, area ?? '');
if (area === undefined || area.startsWith('-') || !existsSync(folder)) {
  const areas = readdirSync(import.meta.dirname, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  console.error(
    `Usage: npm run bars -- <area> [--long | --quick]. Areas: ${areas.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}

/** A bar takes a few minutes; one that hangs must not take the run with it. */
const deadlineMs = (rest.includes('--long') ? 120 : 20) * 60_000;

/** Figures in time, which a busy machine can spoil: measured a second time before they count. What must never happen is not here. */
const TIMED: ReadonlySet<string> = new Set([
  'chart-30-days.ts',
  'cpu-per-message.ts',
  'device-list.ts',
  'first-heartbeat.ts',
  'frozen-consumer.ts',
  'heartbeat.ts',
  'log-search.ts',
  'network-faults.ts',
  'policy-matrix.ts',
  'poison.ts',
  'rate-limits.ts',
  'second-agent.ts',
  'sustained-points.ts',
]);

/** Minutes of work, or figures that mean nothing beside other work. */
const HEAVY: ReadonlySet<string> = new Set([
  'access/audit.ts',
  'access/certificates.ts',
  'access/encryption.ts',
  'access/policy-matrix.ts',
  'access/rate-limits.ts',
  'access/rotation.ts',
  'access/tls.ts',
  'access/xss.ts',
  'foundation/device-list.ts',
  'foundation/first-heartbeat.ts',
  'foundation/heartbeat.ts',
  'foundation/kill-nine.ts',
  'telemetry/chart-30-days.ts',
  'telemetry/cpu-per-message.ts',
  'telemetry/log-search.ts',
  'telemetry/redaction.ts',
  'telemetry/spool.ts',
  'telemetry/sustained-points.ts',
]);

const scripts = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && !(rest.includes('--quick') && HEAVY.has(`${area}/${name}`)))
  .sort();
const verdicts: { name: string; line: string; ok: boolean }[] = [];
for (const name of scripts) {
  let { line, code } = await run(join(folder, name));
  if (code !== 0 && TIMED.has(name)) {
    console.log(`once more, for the machine may have been busy; the first time: ${line}`);
    ({ line, code } = await run(join(folder, name)));
  }
  verdicts.push({ name, line: line || `${name}: it printed nothing`, ok: code === 0 });
}
console.log('');
for (const { line, ok } of verdicts) console.log(`${ok ? 'held  ' : 'BROKEN'} ${line}`);
const failuresFile = process.env.FAILURES_FILE;
for (const { name, line, ok } of verdicts) {
  if (!ok && failuresFile !== undefined) appendFileSync(failuresFile, `${area}/${name}: ${line}\n`);
}
process.exitCode = scripts.length > 0 && verdicts.every(({ ok }) => ok) ? 0 : 1;

/** Passes its output on, ends the script and all that it started when it takes too long, and keeps the last line. */
async function run(script: string): Promise<{ line: string; code: number | null }> {
  const child = spawn(process.execPath, [script, ...rest.filter((arg) => arg !== '--quick')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
    env: { ...process.env, ...(rest.includes('--quick') ? { BARS_QUICK: '1' } : {}) },
  });
  let line = '';
  let overdue = false;
  const end = (signal: NodeJS.Signals): void => {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  };
  const deadline = setTimeout(() => {
    overdue = true;
    end('SIGKILL');
  }, deadlineMs);
  // Its own group does not hear the terminal.
  const interrupted = (): void => {
    end('SIGTERM');
    process.exit(130);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  createInterface({ input: child.stdout }).on('line', (text) => {
    console.log(text);
    if (text.trim() !== '') line = text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(deadline);
  process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  return overdue ? { line: `${line} [ended after ${deadlineMs / 60_000} min]`, code: null } : { line, code };
}
