/** What a store asks the database with: a pool, or the one connection of a transaction. */
import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type pg from 'pg';

export interface Queries {
  /** Typed queries by drizzle. */
  readonly orm: NodePgDatabase;
  /** Hand-written SQL, for batches; timestamptz arrives as Date, jsonb as parsed value. */
  rows<R extends pg.QueryResultRow>(text: string, parameters?: readonly unknown[]): Promise<R[]>;
  /** As `rows`, for statements of which only the number of rows counts. */
  count(text: string, parameters?: readonly unknown[]): Promise<number>;
}

export function queriesOn(connection: pg.Pool | pg.PoolClient): Queries {
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
