/**
 * One PostgreSQL for a whole test run, with one migrated template to copy databases from.
 * With TEST_DATABASE_URL (an admin on any server, e.g. real TimescaleDB) that server is used; otherwise an
 * embedded one is started in a temporary folder. vitest calls `setup`; bars and benches call `startTestServer`.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { SILENT } from '../../db/log.ts';
import { migrate } from '../../db/migrate.ts';
import { startPostgres } from '../../db/server/launcher.ts';

/** Environment names by which the test files (other processes) find the server. */
export const ADMIN_URL = 'EDGE_TEST_ADMIN_URL';
export const TEMPLATE = 'EDGE_TEST_TEMPLATE';

export interface TestServer {
  readonly adminUrl: string;
  readonly template: string;
  stop(): Promise<void>;
}

/** Also sets the environment, so that `createTestDatabase` works in this process and its children. */
export async function startTestServer(): Promise<TestServer> {
  const outside = process.env.TEST_DATABASE_URL;
  const server =
    outside === undefined ? await startEmbedded() : { url: outside, stop: async () => undefined };
  const template = `edge_template_${randomBytes(6).toString('hex')}`;
  try {
    await withClient(server.url, (client) => client.query(`CREATE DATABASE ${template}`));
    const url = withDatabase(server.url, template);
    const { timeseries } = await migrate(url, { timeseries: readRequest() });
    if (timeseries !== 'plain') await stopBackgroundWorkers(server.url, template);
  } catch (error) {
    await server.stop();
    throw error;
  }
  process.env[ADMIN_URL] = server.url;
  process.env[TEMPLATE] = template;
  return {
    adminUrl: server.url,
    template,
    async stop() {
      delete process.env[ADMIN_URL];
      delete process.env[TEMPLATE];
      if (outside !== undefined) {
        await withClient(outside, (client) => client.query(`DROP DATABASE ${template} WITH (FORCE)`));
      }
      await server.stop();
    },
  };
}

let running: TestServer | undefined;
export async function setup(): Promise<void> {
  running = await startTestServer();
}
export async function teardown(): Promise<void> {
  await running?.stop();
}

export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function startEmbedded(): Promise<{ url: string; stop(): Promise<void> }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'edge-test-postgres-'));
  const endWatch = watchOver(dataDir);
  try {
    const server = await startPostgres({
      dataDir,
      postgresBin: process.env.POSTGRES_BIN ?? null,
      log: SILENT,
      // Nothing here has to survive a power cut.
      settings: { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', shared_buffers: '64MB' },
    });
    return { url: server.url, stop: () => server.stop().finally(endWatch) };
  } catch (error) {
    endWatch();
    throw error;
  }
}

/** A killed test run cannot clean up; this small process outlives it, ends its server and removes the folder. */
function watchOver(dataDir: string): () => void {
  const script = `while kill -0 "$1"; do sleep 2; done
    kill -INT "$(head -n 1 "$2/pgdata/postmaster.pid")"; sleep 3; rm -rf "$2"`;
  const watch = spawn('sh', ['-c', script, 'sh', String(process.pid), dataDir], {
    detached: true,
    stdio: 'ignore',
  });
  watch.unref();
  return () => {
    watch.kill('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  };
}

function readRequest(): 'auto' | 'timescale' | 'plain' {
  const request = process.env.TIMESERIES ?? 'auto';
  if (request === 'auto' || request === 'timescale' || request === 'plain') return request;
  throw new Error(`TIMESERIES=${request}: auto, timescale or plain`);
}

/** TimescaleDB's scheduler stays connected to each database with the extension, which forbids copying it. */
async function stopBackgroundWorkers(adminUrl: string, template: string): Promise<void> {
  await withClient(withDatabase(adminUrl, template), (client) =>
    client.query('SELECT _timescaledb_functions.stop_background_workers()'),
  );
  await withClient(adminUrl, (client) =>
    client.query(`ALTER DATABASE ${template} WITH ALLOW_CONNECTIONS false`),
  );
}
