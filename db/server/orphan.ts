/** A postmaster whose supervisor was killed still holds the cluster: it is stopped before a new one starts. */
import { existsSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.ts';
import { commandOf, isRunning } from './process-table.ts';
import { ServerError } from './server-error.ts';

const POLL_MS = 50;
/** Signal and patience: fast shutdown, then immediate, which leaves recovery to the next start. */
const STEPS = [
  { signal: 'SIGINT', patienceMs: 10_000 },
  { signal: 'SIGQUIT', patienceMs: 5000 },
  { signal: 'SIGKILL', patienceMs: 5000 },
] as const;

/** @throws ServerError when it does not end. */
export async function stopOrphan(pgdata: string, log: Log): Promise<void> {
  const pidFile = join(pgdata, 'postmaster.pid');
  if (!existsSync(pidFile)) return;
  const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
  if (!Number.isInteger(pid) || pid <= 1 || !isRunning(pid) || !isPostmasterOf(pid, pgdata)) {
    // After a reboot the number may belong to any process, and PostgreSQL would refuse to start because of it.
    unlinkSync(pidFile);
    return;
  }
  log.warn({ pid }, 'stopping a PostgreSQL server that lost its supervisor');
  for (const { signal, patienceMs } of STEPS) {
    process.kill(pid, signal);
    if (await isGone(pid, patienceMs)) return;
  }
  throw new ServerError(
    `A PostgreSQL server (process ${pid}) holds ${pgdata} and does not end; end it by hand.`,
  );
}

const isPostmasterOf = (pid: number, pgdata: string): boolean => commandOf(pid).includes(pgdata);

async function isGone(pid: number, patienceMs: number): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  while (isRunning(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}
