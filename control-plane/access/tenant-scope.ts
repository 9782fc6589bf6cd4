/** Runs what a person or a device asks for behind the second wall: the database shows it their organisations alone. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Database, TenantScope } from '#db';
import type { DeviceCaller, Person } from '../use-cases.ts';

/**
 * The same control plane: each use case whose first argument is a caller runs in the caller's scope, rows that are read
 * later included. Sign-in and enrolment come without a caller and run as the owner.
 */
export function behindTheWall<T extends object>(database: Pick<Database, 'asTenant'>, controlPlane: T): T {
  const groups = Object.entries(controlPlane).map(([name, group]) => [
    name,
    typeof group === 'object' && group !== null ? scopedGroup(database, group) : group,
  ]);
  return Object.fromEntries(groups) as T;
}

function scopedGroup(database: Pick<Database, 'asTenant'>, useCases: object): object {
  const wrapped = Object.entries(useCases).map(([name, value]) => {
    if (typeof value !== 'function') return [name, value];
    const scoped = (...args: unknown[]): unknown => {
      const work = (): unknown => Reflect.apply(value, useCases, args);
      const scope = scopeOf(args[0]);
      return scope === null ? work() : database.asTenant(scope, async () => keepingScope(await work()));
    };
    return [name, scoped];
  });
  return Object.fromEntries(wrapped);
}

/** Null where nobody is known yet. Pure. */
export function scopeOf(caller: unknown): TenantScope | null {
  if (isCaller(caller, 'device')) return { orgs: [caller.orgId], userId: null };
  if (!isCaller(caller, 'person')) return null;
  return { orgs: caller.isSystemAdmin ? 'all' : [...caller.roles.keys()], userId: caller.userId };
}

interface Callers {
  readonly person: Person;
  readonly device: DeviceCaller;
}
const isCaller = <K extends keyof Callers>(value: unknown, kind: K): value is Callers[K] =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;

/** A generator runs in the scope of whoever asks for its next row: here always in that of its making. */
function keepingScope(result: unknown): unknown {
  if (!isAsyncIterable(result)) return result;
  const inScope = AsyncLocalStorage.snapshot();
  return {
    [Symbol.asyncIterator](): AsyncIterator<unknown> {
      const rows = inScope(() => result[Symbol.asyncIterator]());
      return {
        next: () => inScope(() => rows.next()),
        return: async (value?: unknown) =>
          rows.return === undefined ? { done: true, value } : inScope(() => rows.return?.(value) as never),
      };
    },
  };
}

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
