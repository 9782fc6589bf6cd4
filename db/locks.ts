/** Session advisory locks: each holds a connection of the pool while its work, which needs others, runs. */
import type pg from 'pg';
import { toStoreError } from './stores/store-error.ts';

/** Of the pool: with all of it held by locks, the work under them would wait for each other. */
const SHARE_OF_POOL = 0.5;

export type WithLock = <T>(name: string, work: () => Promise<T>) => Promise<T | null>;

/** Those beyond the share wait, in order, without a connection. */
export function createLocks(pool: pg.Pool, poolSize: number): WithLock {
  let free = Math.max(1, Math.floor(poolSize * SHARE_OF_POOL));
  const waiting: (() => void)[] = [];

  async function enter(): Promise<void> {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  }
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  }

  return async (name, work) => {
    await enter();
    try {
      return await underLock(pool, name, work);
    } catch (error) {
      throw toStoreError(error);
    } finally {
      leave();
    }
  };
}

async function underLock<T>(pool: pg.Pool, name: string, work: () => Promise<T>): Promise<T | null> {
  const client = await pool.connect();
  let usable = false;
  try {
    const { rows } = await client.query<{ locked: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked',
      [name],
    );
    if (rows[0]?.locked !== true) {
      usable = true;
      return null;
    }
    const result = await work();
    await client.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [name]);
    usable = true;
    return result;
  } finally {
    // A connection that may still hold the lock is closed, which gives it back.
    client.release(!usable);
  }
}
