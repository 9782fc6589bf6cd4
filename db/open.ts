/** Opens a migrated database: one pool, all stores, transactions, locks and notifications. */
import pg from 'pg';
import { listen } from './listen.ts';
import { createLocks } from './locks.ts';
import { type Log, SILENT } from './log.ts';
import { purge } from './purge.ts';
import type { Database, Stores } from './stores/contracts/database.ts';
import { queriesIn, queriesOn } from './stores/queries.ts';
import { StoreError, toStoreError } from './stores/store-error.ts';
import { createStores } from './stores/stores.ts';
import { transact } from './stores/transact.ts';
import { asOwner, asTenant } from './tenant.ts';
import { dialectOf } from './timeseries/dialect-of.ts';
import { applyRetention } from './timeseries/retention.ts';
import { readVariant } from './timeseries/variant.ts';

const DEFAULT_POOL_SIZE = 10;
/** For a free connection of the pool as well as for a new one. */
const CONNECT_TIMEOUT_MS = 10_000;
/** No query of ours takes a second; one that takes this long hangs. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** A transaction that does nothing for so long has lost its owner, and holds locks. */
const IDLE_TRANSACTION_TIMEOUT_MS = 60_000;
/** Our queries are short, compiling them is not; and a word too long for the log's index is no news. */
const SESSION_OPTIONS = '-c jit=off -c client_min_messages=warning';
/** Client side, for a server that no longer answers at all. */
const QUERY_TIMEOUT_MS = 40_000;

export interface OpenOptions {
  readonly url: string;
  readonly poolSize?: number;
  readonly log?: Log;
}

/** @throws StoreError 'unavailable'; Error when the database was never migrated. */
export async function openDatabase({
  url,
  poolSize = DEFAULT_POOL_SIZE,
  log = SILENT,
}: OpenOptions): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    application_name: 'edge',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    options: SESSION_OPTIONS,
    keepAlive: true,
  });
  const lost = (error: Error) => log.warn({ error: error.message }, 'database connection lost');
  // Both are needed: the pool listens to idle connections only, and an unheard 'error' ends the process.
  pool.on('error', lost);
  pool.on('connect', (client) => client.on('error', lost));

  const timeseries = await unlessFailed(pool, readVariant);
  if (timeseries === null) {
    await pool.end();
    throw new Error('The database holds no tables of this product; run the migrations first.');
  }
  let closing: Promise<void> | undefined;

  return {
    ...createStores(queriesOn(pool), dialectOf(timeseries)),
    timeseries,

    async transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T> {
      try {
        return await transact(pool, (client, scope) =>
          work(createStores(queriesIn(client, scope), dialectOf(timeseries))),
        );
      } catch (error) {
        throw toStoreError(error);
      }
    },

    asTenant,
    asOwner,

    listen: (channel, handlers) => listen(url, channel, handlers, { log }),

    withLock: createLocks(pool, poolSize),

    async ping(timeoutMs) {
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new StoreError('unavailable', `the database did not answer within ${timeoutMs} ms`)),
          timeoutMs,
        );
      });
      const answer = pool.query('SELECT 1').then(
        () => undefined,
        (error: unknown) => Promise.reject(toStoreError(error)),
      );
      try {
        await Promise.race([answer, timeout]);
      } finally {
        clearTimeout(timer);
      }
    },

    async maintain(now) {
      // On a connection of its own: dropping old rows may take longer than the pool's timeouts allow.
      const client = new pg.Client({ connectionString: url, application_name: 'edge-maintain' });
      client.on('error', lost);
      try {
        await client.connect();
        await client.query('SET timezone = UTC');
        const dialect = dialectOf(timeseries);
        await dialect.makeRoom(client, now);
        await applyRetention(client, dialect, now);
        await purge(client, now);
      } catch (error) {
        throw toStoreError(error);
      } finally {
        await client.end();
      }
    },

    close() {
      closing ??= pool.end();
      return closing;
    },
  };
}

/** Closes the pool when `work` fails, so that nothing is left open behind an error. */
async function unlessFailed<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  try {
    const client = await pool.connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  } catch (error) {
    await pool.end();
    throw toStoreError(error);
  }
}
