/** What a store asks the database with: a pool, or the one connection of a transaction. */
import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type pg from 'pg';
import { currentScope, enterSql, type TenantScope } from '../tenant.ts';
import { copyIn } from './copy-in.ts';
import { transact } from './transact.ts';

export interface Queries {
  /** Typed queries by drizzle. */
  readonly orm: NodePgDatabase;
  /** Hand-written SQL, for batches; timestamptz arrives as Date, jsonb as parsed value. */
  rows<R extends pg.QueryResultRow>(text: string, parameters?: readonly unknown[]): Promise<R[]>;
  /** As `rows`, for statements of which only the number of rows counts. */
  count(text: string, parameters?: readonly unknown[]): Promise<number>;
  /** COPY … FROM STDIN of the whole of `data`. @returns rows */
  copy(text: string, data: Buffer): Promise<number>;
  /** In a transaction of its own; where these queries are of one already, in that one. */
  inTransaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
}

/** On connections of a pool; inside a scope of db/tenant.ts each statement is a transaction of its own. */
export function queriesOn(pool: pg.Pool): Queries {
  const inTransaction = <T>(work: (queries: Queries) => Promise<T>): Promise<T> =>
    transact(pool, (client, scope) => work(queriesIn(client, scope)));
  return {
    ...statementsOn((statement) =>
      currentScope() === null ? statement(pool) : transact(pool, (client) => statement(client)),
    ),
    copy: (text, data) => inTransaction((queries) => queries.copy(text, data)),
    inTransaction,
  };
}

/** On the connection of an open transaction, which was begun for `scope`. Statements run one after the other. */
export function queriesIn(client: pg.PoolClient, scope: TenantScope | null): Queries {
  let last: Promise<unknown> = Promise.resolve();
  const run = <T>(statement: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
    const work = () =>
      currentScope() === scope ? statement(client) : inOtherScope(client, scope, () => statement(client));
    const result = last.then(work, work);
    last = result;
    return result;
  };
  const queries: Queries = {
    ...statementsOn(run),
    copy: (text, data) => run((connection) => copyIn(connection, text, data)),
    inTransaction: (work) => work(queries),
  };
  return queries;
}

async function inOtherScope<T>(
  client: pg.PoolClient,
  begunFor: TenantScope | null,
  statement: () => Promise<T>,
): Promise<T> {
  await client.query(enterSql(currentScope()));
  const result = await statement();
  // Where the statement fails the transaction, or the savepoint that knows the scope of before, is all that is left.
  await client.query(enterSql(begunFor));
  return result;
}

type Run = <T>(statement: (connection: pg.Pool | pg.PoolClient) => Promise<T>) => Promise<T>;

function statementsOn(run: Run): Pick<Queries, 'orm' | 'rows' | 'count'> {
  const query = <R extends pg.QueryResultRow>(text: string, parameters: readonly unknown[] = []) =>
    run((connection) => connection.query<R>(text, [...parameters]));
  // All that drizzle calls of a client, as long as nobody begins a transaction by it.
  const client: Pick<pg.PoolClient, 'query'> = {
    query: ((config: pg.QueryConfig, values?: unknown[]) =>
      run((connection) => connection.query(config, values))) as pg.PoolClient['query'],
  };
  return {
    orm: drizzle({ client: client as pg.PoolClient }),
    rows: async <R extends pg.QueryResultRow>(text: string, parameters?: readonly unknown[]) =>
      (await query<R>(text, parameters)).rows,
    count: async (text, parameters) => (await query(text, parameters)).rowCount ?? 0,
  };
}

/** One organisation, several, or null for all of them. */
export type Scope = string | null | readonly string[];

export function inScope(column: PgColumn, scope: Scope): SQL | undefined {
  if (scope === null) return undefined;
  if (typeof scope === 'string') return eq(column, scope);
  return scope.length === 0 ? sql`false` : inArray(column, [...scope]);
}

/** `and` of what is there; `true` when nothing is. */
export const allOf = (...conditions: (SQL | undefined)[]): SQL => and(...conditions) ?? sql`true`;

/** For parameters of type timestamptz[]: independent of the time zone of this process. */
export const isoOf = (at: Date | null): string | null => at?.toISOString() ?? null;
