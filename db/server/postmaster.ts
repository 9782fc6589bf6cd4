/** One run of the `postgres` process: its arguments, its output, its readiness and its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Log } from '../log.ts';
import type { Binaries } from './binaries.ts';
import { serverEnvironment } from './cluster.ts';
import { LOOPBACK } from './port.ts';
import type { SystemUser } from './system-user.ts';

const POLL_MS = 25;
const CONNECT_TIMEOUT_MS = 2000;
/** Lines of output kept to explain a failed start. */
const KEPT_LINES = 20;
const FAST_STOP_MS = 15_000;
const IMMEDIATE_STOP_MS = 5000;

/** For an installation of up to some thousand devices; `synchronous_commit` stays on, an ack is a promise. */
const SERVER_SETTINGS: Readonly<Record<string, string>> = {
  shared_buffers: '256MB',
  max_connections: '100',
  max_wal_size: '1GB',
  min_wal_size: '80MB',
  checkpoint_completion_target: '0.9',
  wal_compression: 'on',
  wal_level: 'replica',
  max_wal_senders: '2',
  random_page_cost: '1.1',
  jit: 'off',
  // Shared memory is 64 MB in a container, too little for parallel hash joins; queries here are short.
  max_parallel_workers_per_gather: '0',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  log_line_prefix: '',
  timezone: 'UTC',
  log_timezone: 'UTC',
  cluster_name: 'ops-center-edge',
  unix_socket_directories: '',
};

export interface PostmasterPlan {
  readonly binaries: Binaries;
  readonly pgdata: string;
  readonly port: number;
  readonly user: SystemUser | null;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: Log;
}

export interface Postmaster {
  readonly pid: number;
  /** Resolves when the process has ended, however it ended. */
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  /** What the server said last. */
  lastWords(): string;
  stop(): Promise<void>;
}

export function spawnPostmaster(plan: PostmasterPlan): Postmaster {
  const settings = {
    ...SERVER_SETTINGS,
    listen_addresses: LOOPBACK,
    port: String(plan.port),
    ...plan.settings,
  };
  const child = spawn(
    join(plan.binaries.bin, 'postgres'),
    ['-D', plan.pgdata, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      ...(plan.user === null ? {} : { uid: plan.user.uid, gid: plan.user.gid }),
      cwd: '/',
      env: serverEnvironment(),
      // Of its own session: Ctrl-C reaches the supervisor alone, which stops the database last.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      report(line, plan.log);
    });
  }
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('error', (error) => {
      lines.push(error.message);
      resolve({ code: null, signal: null });
    });
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return {
    pid: child.pid ?? 0,
    ended,
    lastWords: () =>
      lines.filter((line) => /FATAL|PANIC|ERROR|could not/.test(line)).at(-1) ?? lines.at(-1) ?? '',
    stop: () => stopChild(child, ended),
  };
}

/** SIGINT: sessions are ended, data is checkpointed. SIGQUIT: at once, recovered by the next start. */
async function stopChild(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill('SIGINT');
  const immediate = setTimeout(() => child.kill('SIGQUIT'), FAST_STOP_MS);
  const killed = setTimeout(() => child.kill('SIGKILL'), FAST_STOP_MS + IMMEDIATE_STOP_MS);
  await ended;
  clearTimeout(immediate);
  clearTimeout(killed);
}

/**
 * Waits until the server answers with this password, which also proves that it is ours.
 * @returns false when the process ended before, or the signal was given.
 */
export async function untilReady(postmaster: Postmaster, url: string, signal: AbortSignal): Promise<boolean> {
  let over = false;
  void postmaster.ended.then(() => {
    over = true;
  });
  while (!over && !signal.aborted) {
    if (await answers(url)) return !over;
    await sleep(POLL_MS);
  }
  return false;
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // A server that dies meanwhile also rejects the query below.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '28P01') throw error;
    return false;
  } finally {
    await client.end();
  }
}

function report(line: string, log: Log): void {
  // While it recovers, each of our own attempts to connect is answered by a FATAL line.
  const expected =
    /starting up|not yet accepting|shutting down|terminating connection due to administrator/.test(line);
  if (!expected && /(FATAL|PANIC):/.test(line)) log.warn({ line }, 'PostgreSQL reports');
  else log.debug({ line }, 'PostgreSQL reports');
}
