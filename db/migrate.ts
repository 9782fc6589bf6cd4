/** Brings a database up to this code: numbered SQL files, forward only, one process at a time. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type Log, SILENT } from './log.ts';
import type { Variant } from './timeseries/dialect.ts';
import { dialectOf } from './timeseries/dialect-of.ts';
import { settleVariant, type TimeseriesRequest } from './timeseries/variant.ts';

/** Serialises processes that migrate the same database; any constant of our own will do. */
const MIGRATION_LOCK = 7_016_401;
const MIGRATIONS = join(import.meta.dirname, 'migrations');

export interface MigrateOptions {
  readonly timeseries: TimeseriesRequest;
  readonly log?: Log;
  readonly now?: () => Date;
  /** Folder of the SQL files; only tests give another one. */
  readonly folder?: string;
}

/** A database that this code must not touch; the message says why and what to do. */
export class MigrationError extends Error {
  override name = 'MigrationError';
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

/**
 * Waits for another process that migrates, then applies what is missing, each file in a transaction of its own.
 * @returns the names applied now, and the variant of time-series storage.
 * @throws MigrationError, TimeseriesError
 */
export async function migrate(
  databaseUrl: string,
  options: MigrateOptions,
): Promise<{ applied: string[]; timeseries: Variant }> {
  const { log = SILENT, now = () => new Date(), folder = MIGRATIONS } = options;
  const migrations = readMigrations(folder);
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'edge-migrate' });
  client.on('error', (error) => log.warn({ error: error.message }, 'connection lost while migrating'));
  await client.connect();
  try {
    await client.query('SET timezone = UTC');
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const missing = await findMissing(client, migrations);
    const timeseries = await settleVariant(client, databaseUrl, options.timeseries);
    await client.query(`SELECT set_config('edge.timeseries', $1, false)`, [timeseries]);
    for (const migration of missing) {
      await apply(client, migration);
      log.info({ migration: migration.name }, 'migration applied');
    }
    await dialectOf(timeseries).setUp(client, now());
    return { applied: missing.map(({ name }) => name), timeseries };
  } finally {
    // Closing the connection gives the lock back.
    await client.end();
  }
}

function readMigrations(folder: string): Migration[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name))
    .sort()
    .map((name) => {
      const sql = readFileSync(join(folder, name), 'utf8');
      return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
    });
}

async function findMissing(client: pg.Client, migrations: readonly Migration[]): Promise<Migration[]> {
  await client.query(`CREATE TABLE IF NOT EXISTS schema_migrations (
    name varchar(100) PRIMARY KEY, sha256 varchar(64) NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
  const { rows } = await client.query<{ name: string; sha256: string }>(
    'SELECT name, sha256 FROM schema_migrations ORDER BY name',
  );
  for (const { name, sha256 } of rows) {
    const known = migrations.find((migration) => migration.name === name);
    if (known === undefined) {
      throw new MigrationError(
        `The database is newer than this program (it has migration ${name}); install the newer version again, or restore a backup.`,
      );
    }
    if (known.sha256 !== sha256) {
      throw new MigrationError(
        `Migration ${name} has changed since it was applied to this database; restore the file, and write changes as a new migration.`,
      );
    }
  }
  const applied = new Set(rows.map(({ name }) => name));
  return migrations.filter(({ name }) => !applied.has(name));
}

async function apply(client: pg.Client, { name, sql, sha256 }: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(sql);
    await client.query('INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)', [name, sha256]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw new MigrationError(`Migration ${name} failed: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}
