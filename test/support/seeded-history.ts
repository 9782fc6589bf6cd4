/**
 * Months of telemetry made by script, for bars that need much of it. Small histories lie in a temporary folder; full
 * ones are kept under /var/cache/ops-center-edge (or TMPDIR where that cannot be written), and a build that was
 * interrupted goes on where it stopped. `node test/support/seeded-history.ts metrics|logs` only builds.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Database, migrate, openDatabase, startPostgres } from '#db';
import { SILENT } from '../../db/log.ts';
import { partitions } from '../../db/timeseries/partitions.ts';
import { loadLogs } from './seeded-logs.ts';
import { loadMetrics } from './seeded-metrics.ts';

export interface HistorySize {
  readonly days: number;
  readonly devices: number;
  /** Log lines over all; measurements are one a minute and device. */
  readonly lines: number;
}
export const FULL: Readonly<Record<'metrics' | 'logs', HistorySize>> = {
  metrics: { days: 90, devices: 1000, lines: 0 },
  logs: { days: 30, devices: 1000, lines: 50_000_000 },
};
/** What `SeededHistory` is made of while it is built. */
export interface HistoryBuild {
  readonly client: pg.Client;
  readonly orgId: string;
  readonly size: HistorySize;
  /** Midnight after the last day. */
  readonly end: Date;
  /** Once: does nothing where it was done and committed before. */
  step(name: string, work: () => Promise<unknown>): Promise<void>;
}
export interface SeededHistory {
  readonly orgId: string;
  readonly end: Date;
  readonly deviceIds: readonly string[];
  /** Valid until the next `chill` or `stop`. */
  database(): Database;
  client(): pg.Client;
  /** Restarts the server and takes its files out of the page cache, so that the next query reads from the disk. */
  chill(): Promise<void>;
  stop(): Promise<void>;
}

/** Only its build is lost with a power cut. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_wal_size: '4GB',
  maintenance_work_mem: '1GB',
  autovacuum_max_workers: '1',
};
const DAY_MS = 86_400_000;
/** The devices' names in order are their numbers. */
const DEVICES_SQL = `INSERT INTO edge_devices (organization_id, device_name, device_type, device_id)
  SELECT $1, 'device-' || lpad(i::text, 5, '0'), 'gateway', 'hardware-' || i FROM generate_series(1, $2::int) AS i`;

export async function openHistory(
  kind: 'metrics' | 'logs',
  size: HistorySize,
  options: { readonly keep: boolean; readonly end: Date },
): Promise<SeededHistory> {
  const dataDir = options.keep
    ? join(cacheDir(), 'telemetry-history', `${kind}-${size.days}-${size.devices}-${size.lines}`)
    : mkdtempSync(join(tmpdir(), `edge-history-${kind}-`));
  mkdirSync(dataDir, { recursive: true });
  const start = () => startPostgres({ dataDir, postgresBin: null, log: SILENT, settings: SETTINGS });
  let server = await start();
  let client = await connect(server.url);
  const build = await prepare(client, server.url, size, options.end);
  await (kind === 'metrics' ? loadMetrics : loadLogs)(build);
  const { rows } = await client.query<{ id: string }>('SELECT id FROM edge_devices ORDER BY device_name');
  let database = await openDatabase({ url: server.url });
  const close = async () => {
    await database.close();
    await client.end();
    await server.stop();
  };
  return {
    orgId: build.orgId,
    end: build.end,
    deviceIds: rows.map(({ id }) => id),
    database: () => database,
    client: () => client,
    async chill() {
      await close();
      forgetFiles(dataDir);
      server = await start();
      client = await connect(server.url);
      database = await openDatabase({ url: server.url });
    },
    async stop() {
      await close();
      if (!options.keep) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('SET timezone = UTC');
  return client;
}

async function prepare(client: pg.Client, url: string, size: HistorySize, end: Date): Promise<HistoryBuild> {
  await client.query(
    'CREATE TABLE IF NOT EXISTS history_steps (name text PRIMARY KEY, at timestamptz NOT NULL)',
  );
  const startedAt = Date.now();
  const step: HistoryBuild['step'] = async (name, work) => {
    const { rowCount } = await client.query('SELECT FROM history_steps WHERE name = $1', [name]);
    if (rowCount !== 0) return;
    await client.query('BEGIN');
    await work();
    await client.query('INSERT INTO history_steps VALUES ($1, now())', [name]);
    await client.query('COMMIT');
    console.log(`${((Date.now() - startedAt) / 1000).toFixed(0).padStart(6)} s  ${name}`);
  };
  const first = await client.query<{ at: Date }>(`SELECT at FROM history_steps WHERE name = 'begun'`);
  await migrate(url, { timeseries: 'plain' });
  await step('begun', async () => {
    const { rows } = await client.query<{ id: string }>(
      `INSERT INTO organizations (slug, name) VALUES ('history', 'History') RETURNING id`,
    );
    await client.query(DEVICES_SQL, [rows[0]?.id, size.devices]);
  });
  // A history that was begun on another day keeps its end.
  const begun = first.rows[0]?.at ?? end;
  const midnight = new Date(Math.floor(Math.min(+begun, +end) / DAY_MS) * DAY_MS);
  for (let day = size.days; day >= 0; day -= 7) {
    await partitions.setUp(client, new Date(+midnight - day * DAY_MS));
  }
  const { rows } = await client.query<{ id: string }>(`SELECT id FROM organizations WHERE slug = 'history'`);
  return { client, orgId: rows[0]?.id ?? '', size, end: midnight, step };
}

function cacheDir(): string {
  try {
    mkdirSync('/var/cache/ops-center-edge', { recursive: true });
    accessSync('/var/cache/ops-center-edge', constants.W_OK);
    return '/var/cache/ops-center-edge';
  } catch {
    return tmpdir();
  }
}

/** Of these files alone: other programs keep theirs. */
function forgetFiles(dir: string): void {
  execFileSync('sync');
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    const path = join(dir, name);
    if (!/\/base\//.test(path) || !statSync(path).isFile()) continue;
    execFileSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], {
      stdio: 'ignore',
    });
  }
}

const [kind] = process.argv.slice(2);
if (process.argv[1] === import.meta.filename && (kind === 'metrics' || kind === 'logs')) {
  const history = await openHistory(kind, FULL[kind], { keep: true, end: new Date() });
  await history.stop();
  console.log(`history of ${kind}: complete`);
}
