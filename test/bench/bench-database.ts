/** The database of a bench: TimescaleDB by the dev script, or the embedded PostgreSQL; each run gets fresh ones. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrate, startPostgres } from '#db';
import { withClient, withDatabase } from '../support/database-server.ts';
import { consoleLog } from '../support/process-report.ts';

export const DATABASES = ['timescale', 'embedded'] as const;
export type BenchDatabaseKind = (typeof DATABASES)[number];

export interface BenchDatabase {
  readonly postmasterPid: number;
  readonly version: string;
  /** A migrated, empty database. @returns its address */
  create(): Promise<string>;
  stop(): Promise<void>;
}

const SCRIPT = join(import.meta.dirname, '../../db/dev/timescaledb.sh');

export async function startBenchDatabase(kind: BenchDatabaseKind, dir: string): Promise<BenchDatabase> {
  const server = kind === 'timescale' ? await startTimescale() : await startEmbedded(dir);
  const made: string[] = [];
  const { rows } = await withClient(server.url, (client) =>
    client.query<{ version: string }>(`SELECT split_part(version(), ' ', 2) AS version`),
  );
  return {
    postmasterPid: postmasterOf(server.url),
    version: rows[0]?.version ?? '',
    async create() {
      const name = `edge_bench_${randomBytes(6).toString('hex')}`;
      await withClient(server.url, (client) => client.query(`CREATE DATABASE ${name}`));
      made.push(name);
      const url = withDatabase(server.url, name);
      await migrate(url, { timeseries: kind === 'timescale' ? 'timescale' : 'plain' });
      return url;
    },
    async stop() {
      for (const name of made) {
        await withClient(server.url, (client) =>
          client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
        );
      }
      await server.stop();
    },
  };
}

async function startTimescale(): Promise<{ url: string; stop(): Promise<void> }> {
  const wasRunning = spawnSync(SCRIPT, ['url'], { encoding: 'utf8' }).status === 0;
  const { status, stdout, stderr } = spawnSync(SCRIPT, ['start'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr.trim());
  const url = stdout.trim().split('\n').at(-1) ?? '';
  return {
    url,
    async stop() {
      if (!wasRunning) spawnSync(SCRIPT, ['stop']);
    },
  };
}

const startEmbedded = (dir: string) =>
  startPostgres({
    dataDir: join(dir, 'postgres'),
    postgresBin: process.env.POSTGRES_BIN ?? null,
    log: { ...consoleLog, warn: () => undefined },
  });

/** Its data folder names the port that it listens on. */
function postmasterOf(url: string): number {
  const port = new URL(url).port;
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const command = read(`/proc/${name}/cmdline`);
    if (!command.includes('postgres') || !command.includes('-D')) continue;
    const folder = /-D\0([^\0]+)/.exec(command)?.[1];
    if (folder === undefined) continue;
    const lines = read(join(`/proc/${name}/root`, folder, 'postmaster.pid')).split('\n');
    if (lines[0] === name && lines[3] === port) return Number(name);
  }
  throw new Error(`no PostgreSQL on port ${port} was found in /proc`);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // Ended meanwhile, or not ours to read.
  }
}
