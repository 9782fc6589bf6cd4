/** Which variant of time-series storage a database has, or can have. */
import pg, { type ClientBase } from 'pg';
import type { Variant } from './dialect.ts';

export const REQUESTS = ['auto', 'timescale', 'plain'] as const;
export type TimeseriesRequest = (typeof REQUESTS)[number];

/** A wish for time-series storage that this database cannot fulfil; the message says what to do. */
export class TimeseriesError extends Error {
  override name = 'TimeseriesError';
}

/** What the tables are, once they exist; null before. */
export async function readVariant(client: ClientBase): Promise<Variant | null> {
  const { rows } = await client.query<{ kind: string }>(
    `SELECT relkind AS kind FROM pg_class WHERE oid = to_regclass('device_metrics')`,
  );
  const kind = rows[0]?.kind;
  if (kind === undefined) return null;
  return kind === 'p' ? 'plain' : await readEdition(client);
}

/**
 * Settles the variant before the migrations run, creating the extension where it is wanted and possible.
 * Tables that exist already decide; a request that contradicts them or the server is refused.
 * @throws TimeseriesError
 */
export async function settleVariant(
  client: ClientBase,
  databaseUrl: string,
  requested: TimeseriesRequest,
): Promise<Variant> {
  const existing = await readVariant(client);
  if (existing !== null) {
    if (requested === 'auto' || (requested === 'plain') === (existing === 'plain')) return existing;
    throw new TimeseriesError(
      `TIMESERIES=${requested}: the tables of this database were made as ${existing === 'plain' ? 'native partitions' : 'hypertables'}; use TIMESERIES=auto, or a new database.`,
    );
  }
  if (requested === 'plain') return 'plain';
  const problem = await createExtension(client, databaseUrl);
  if (problem === null) return await readEdition(client);
  if (requested === 'auto') return 'plain';
  throw new TimeseriesError(
    `TIMESERIES=timescale: ${problem}; install TimescaleDB on the server or use TIMESERIES=auto.`,
  );
}

async function readEdition(client: ClientBase): Promise<Variant> {
  const { rows } = await client.query<{ license: string | null }>(
    `SELECT current_setting('timescaledb.license', true) AS license`,
  );
  return rows[0]?.license === 'timescale' ? 'timescale-community' : 'timescale-apache';
}

/** @returns null when TimescaleDB is there now, otherwise why not. */
async function createExtension(client: ClientBase, databaseUrl: string): Promise<string | null> {
  const { rows } = await client.query<{ installed: string | null }>(
    `SELECT installed_version AS installed FROM pg_available_extensions WHERE name = 'timescaledb'`,
  );
  const [extension] = rows;
  if (extension === undefined) return 'this PostgreSQL server has no TimescaleDB';
  if (extension.installed !== null) return null;
  // On a connection of its own: where the library is not preloaded, the attempt ends the connection.
  const attempt = new pg.Client({ connectionString: databaseUrl });
  // The end of the connection also rejects the query, which is answered below.
  attempt.on('error', () => undefined);
  try {
    await attempt.connect();
    await attempt.query('CREATE EXTENSION IF NOT EXISTS timescaledb');
    return null;
  } catch (error) {
    return `TimescaleDB cannot be enabled (${error instanceof Error ? error.message : String(error)})`;
  } finally {
    await attempt.end();
  }
}
