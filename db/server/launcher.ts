/** The embedded database server: a real PostgreSQL as a child process, made on the first start and kept running. */
import { join } from 'node:path';
import pg from 'pg';
import type { Log } from '../log.ts';
import { findBinaries, makeRunnable } from './binaries.ts';
import { checkOwner, createCluster, readCluster, readPassword, SUPERUSER } from './cluster.ts';
import { stopOrphan } from './orphan.ts';
import { makeDataDir, settlePlace } from './place.ts';
import { choosePort, LOOPBACK } from './port.ts';
import { type Postmaster, type PostmasterPlan, spawnPostmaster, untilReady } from './postmaster.ts';
import { messageOf, ServerError } from './server-error.ts';
import { takeSupervisorLock } from './supervisor-lock.ts';
import { findServerUser } from './system-user.ts';

const DATABASE = 'ops_center_edge';
/** Recovery after a crash replays at most max_wal_size; slow disks get their time. */
const START_TIMEOUT_MS = 120_000;
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5_000;
/** A run of this length counts as healthy, so that the next death starts again with a short wait. */
const HEALTHY_RUN_MS = 10_000;

export interface PostgresOptions {
  /** Folder for this server alone; made when missing. */
  readonly dataDir: string;
  /** Folder of `postgres` and `initdb`; null: the npm package's, else the system's. */
  readonly postgresBin: string | null;
  readonly log: Log;
  /** Called when the server died by itself; it is started again without the caller's doing. */
  readonly onExit?: (end: { code: number | null; signal: string | null }) => void;
  /** Server settings over our own, e.g. `{ fsync: 'off' }` in tests. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface PostgresServer {
  /** Stays the same when the server dies and comes back. Holds the password. */
  readonly url: string;
  /** Of the present server process. */
  readonly pid: number;
  /** Fast shutdown; idempotent. */
  stop(): Promise<void>;
}

/** Resolves when the server answers and its database exists. @throws ServerError, one sentence with the remedy. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const dataDir = makeDataDir(options.dataDir);
  const lock = await takeSupervisorLock(join(dataDir, 'supervisor.lock'), dataDir);
  try {
    const { plan, password } = await prepare(dataDir, options);
    const urlOf = (database: string) =>
      `postgres://${SUPERUSER}:${password}@${LOOPBACK}:${plan.port}/${database}`;
    const running = await keepRunning(plan, urlOf('postgres'), options);
    try {
      await createDatabase(urlOf('postgres'));
    } catch (error) {
      await running.stop();
      throw error;
    }
    let stopping: Promise<void> | undefined;
    return {
      url: urlOf(DATABASE),
      get pid() {
        return running.pid();
      },
      stop() {
        stopping ??= running.stop().finally(() => lock.release());
        return stopping;
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function prepare(
  dataDir: string,
  { postgresBin, log, settings = {} }: PostgresOptions,
): Promise<{ plan: PostmasterPlan; password: string }> {
  // The user decides on the place, and the owner of an existing cluster decides on the user.
  const place = settlePlace(dataDir, findServerUser(null), log);
  const pgdata = join(place, 'pgdata');
  const existing = readCluster(pgdata);
  const user = findServerUser(existing?.ownerUid ?? null);
  checkOwner(pgdata, existing, user);
  const found = findBinaries(postgresBin, existing?.major ?? null);
  const binaries = makeRunnable(found, user, place, log);
  const password = readPassword(dataDir, existing !== null);
  if (existing === null) createCluster(place, pgdata, binaries, user, password, log);
  await stopOrphan(pgdata, log);
  return { plan: { binaries, pgdata, port: await choosePort(dataDir), user, settings, log }, password };
}

/** Starts the server, and again whenever it dies, with growing pauses; until stopped. */
async function keepRunning(
  plan: PostmasterPlan,
  url: string,
  { log, onExit }: PostgresOptions,
): Promise<{ pid(): number; stop(): Promise<void> }> {
  const stopped = new AbortController();
  let current = await startOnce(plan, url);
  let pause: NodeJS.Timeout | undefined;
  let backoffMs = FIRST_BACKOFF_MS;

  watch(current, Date.now());
  return {
    pid: () => current.pid,
    async stop() {
      stopped.abort();
      clearTimeout(pause);
      await current.stop();
    },
  };

  function watch(postmaster: Postmaster, startedAt: number): void {
    void postmaster.ended.then((end) => {
      if (stopped.signal.aborted) return;
      if (Date.now() - startedAt > HEALTHY_RUN_MS) backoffMs = FIRST_BACKOFF_MS;
      log.error(
        { ...end, reason: postmaster.lastWords(), restartInMs: backoffMs },
        'PostgreSQL ended; starting it again',
      );
      pause = setTimeout(restart, backoffMs);
      backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
      onExit?.(end);
    });
  }

  function restart(): void {
    const startedAt = Date.now();
    current = spawnPostmaster(plan);
    watch(current, startedAt);
    untilReady(current, url, stopped.signal).then(
      (ready) => {
        if (ready) log.info({ pid: current.pid, tookMs: Date.now() - startedAt }, 'PostgreSQL is back');
      },
      (error: unknown) => log.error({ error: messageOf(error) }, 'PostgreSQL does not let us in'),
    );
  }
}

async function startOnce(plan: PostmasterPlan, url: string): Promise<Postmaster> {
  const deadline = AbortSignal.timeout(START_TIMEOUT_MS);
  const postmaster = spawnPostmaster(plan);
  try {
    if (await untilReady(postmaster, url, deadline)) return postmaster;
  } catch (error) {
    await postmaster.stop();
    throw new ServerError(
      `PostgreSQL in ${plan.pgdata} refuses the password kept beside it (${messageOf(error)}); restore the file \`password\` from a backup.`,
    );
  }
  await postmaster.stop();
  const reason = deadline.aborted
    ? `it did not answer within ${START_TIMEOUT_MS / 1000} s`
    : postmaster.lastWords();
  throw new ServerError(
    `PostgreSQL does not start in ${plan.pgdata}: ${reason}; free disk space and memory, or restore the folder from a backup.`,
  );
}

async function createDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}
