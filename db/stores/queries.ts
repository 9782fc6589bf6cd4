/** What a store asks the database with: a pool, or the one connection of a transaction. */
import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type pg from 'pg';
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

export function queriesOn(pool: pg.Pool): Queries {
  const inTransaction = <T>(work: (queries: Queries) => Promise<T>): Promise<T> =>
    transact(pool, (client) => work(queriesIn(client)));
  return {
    ...statementsOn(pool),
    copy: (text, data) => inTransaction((queries) => queries.copy(text, data)),
    inTransaction,
  };
}

/** On the connection of an open transaction. */
export function queriesIn(client: pg.PoolClient): Queries {
  const queries: Queries = {
    ...statementsOn(client),
    copy: (text, data) => copyIn(client, text, data),
    inTransaction: (work) => work(queries),
  };
  return queries;
}

function statementsOn(connection: pg.Pool | pg.PoolClient): Pick<Queries, 'orm' | 'rows' | 'count'> {
  const run = <R extends pg.QueryResultRow>(text: string, parameters: readonly unknown[] = []) =>
    connection.query<R>(text, [...parameters]);
  return {
    orm: drizzle({ client: connection }),
    rows: async <R extends pg.QueryResultRow>(text: string, parameters?: readonly unknown[]) =>
      (await run<R>(text, parameters)).rows,
    count: async (text, parameters) => (await run(text, parameters)).rowCount ?? 0,
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
