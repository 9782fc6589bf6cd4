/** One transaction on one connection of a pool. */
import type pg from 'pg';
import { beginSql, currentScope, type TenantScope } from '../tenant.ts';

/**
 * Commits when `work` resolves, rolls back when it throws; a connection that cannot do that is closed. Role and
 * settings of the scope are the transaction's own: whoever has the connection next finds nothing of them.
 */
export async function transact<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient, scope: TenantScope | null) => Promise<T>,
): Promise<T> {
  const scope = currentScope();
  const client = await pool.connect();
  try {
    await client.query(beginSql(scope));
    const result = await work(client, scope);
    const { command } = await client.query('COMMIT');
    // After a failed statement PostgreSQL answers COMMIT with ROLLBACK, and no error.
    if (command !== 'COMMIT')
      throw new Error('the transaction was rolled back: a statement in it had failed');
    client.release();
    return result;
  } catch (error) {
    // What went wrong is in `error`; where even the rollback fails, closing the connection does it.
    await client.query('ROLLBACK').then(
      () => client.release(),
      () => client.release(true),
    );
    throw error;
  }
}
