/**
 * Bar: a fresh clone to the first green heartbeat by the README alone, install included, under 3 minutes.
 * What is committed counts: it clones this repository.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listDevices, signIn, startProduct } from '../../support/started-product.ts';

const LIMIT_S = 180;
const POLL_MS = 200;
const STOP_DEADLINE_MS = 60_000;

const repository = resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'edge-clone-'));
const clone = join(folder, 'ops-center-edge');
// The clone must find its own Node and packages, not those of the checkout that runs this script.
const path = (process.env.PATH ?? '').split(':').filter((part) => !part.includes('node_modules'));
const env = { PATH: path.join(':'), HOME: process.env.HOME, npm_config_update_notifier: 'false' };
const startedAt = performance.now();
const seconds = (): number => Math.round((performance.now() - startedAt) / 100) / 10;

let product: ReturnType<typeof startProduct> | undefined;
try {
  execFileSync('git', ['clone', '--quiet', repository, clone], { stdio: 'inherit' });
  console.log(`cloned after ${seconds()} s`);
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: clone,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  console.log(`installed after ${seconds()} s`);
  // Other ports than the defaults, so that the bar runs beside an installation.
  product = startProduct(['--http-port', '0', '--https-port', '0', '--mqtt-port', '0'], {
    command: ['npm', 'start', '--silent', '--'],
    cwd: clone,
    env,
  });
  const facts = await product.ready(LIMIT_S * 1000);
  console.log(`ready after ${seconds()} s`);
  const session = await signIn(facts.http, facts.adminEmail, facts.adminPassword ?? '');
  while (!(await listDevices(session)).some(({ status }) => status === 'online')) {
    if (seconds() > LIMIT_S) break;
    await sleep(POLL_MS);
  }
  const took = seconds();
  console.log(`first-heartbeat: ${took} s (${LIMIT_S} s)`);
  process.exitCode = took < LIMIT_S ? 0 : 1;
} finally {
  // npm passes the signal on; an installation that stays behind has failed the bar, whatever it measured.
  product?.process.kill('SIGTERM');
  const deadline = setTimeout(() => {
    console.error('first-heartbeat: npm start did not stop on SIGTERM');
    process.exit(1);
  }, STOP_DEADLINE_MS);
  await product?.ended;
  clearTimeout(deadline);
  rmSync(folder, { recursive: true, force: true });
}
