/**
 * On whose behalf statements run. Inside `asTenant` every statement and transaction of the database runs as the role
 * `edge_tenant`, which row-level security keeps to the given organisations (migration 0008); outside it, as the owner.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

export interface TenantScope {
  /** Ids of organisations; empty = none. */
  readonly orgs: readonly string[] | 'all';
  /** The person who asks; null where a device does. */
  readonly userId: string | null;
}

/** What is put into a setting's text must be nothing but ids. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** It holds no state of its own: each chain of calls has its scope, and promises, timers and streams begun in it keep it. */
const scopes = new AsyncLocalStorage<TenantScope | null>();

/** Null: the owner. */
export const currentScope = (): TenantScope | null => scopes.getStore() ?? null;

/** @throws TypeError where an id is no UUID */
export async function asTenant<T>(scope: TenantScope, work: () => Promise<T>): Promise<T> {
  const ids = [...(scope.orgs === 'all' ? [] : scope.orgs), ...(scope.userId === null ? [] : [scope.userId])];
  if (!ids.every((id) => UUID.test(id))) throw new TypeError('a scope holds an id that is no UUID');
  return scopes.run(scope, work);
}

export const asOwner = <T>(work: () => Promise<T>): Promise<T> => scopes.run(null, work);

/** What a transaction begins with. Simple protocol: one round trip. Pure. */
export const beginSql = (scope: TenantScope | null): string =>
  scope === null ? 'BEGIN' : `BEGIN; ${enterSql(scope)}`;

/** Statements that change for whom the rest of the open transaction runs. Pure. */
export function enterSql(scope: TenantScope | null): string {
  // The owner's path first: views of the schema `tenant` stand before the tables of the same names only for tenants.
  const asBefore = 'SET LOCAL ROLE NONE; SET LOCAL search_path TO DEFAULT';
  if (scope === null) return asBefore;
  const orgs = scope.orgs === 'all' ? '*' : scope.orgs.join(',');
  return `${asBefore}; SELECT set_config('edge.orgs', '${orgs}', true), set_config('edge.user', '${scope.userId ?? ''}', true),
    set_config('search_path', 'tenant, ' || quote_ident(current_schema()), true); SET LOCAL ROLE edge_tenant`;
}
