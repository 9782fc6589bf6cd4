import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import type { TenantScope } from '#db';
import { behindTheWall, scopeOf } from '../../../../control-plane/access/tenant-scope.ts';

const ORG = '3f0c8a9e-6f0d-4a53-9d5b-2f1f6f7c1a10';
const person = { kind: 'person', userId: 'u', isSystemAdmin: false, roles: new Map([[ORG, 'operator']]) };
const device = { kind: 'device', orgId: ORG };

const scopes = new AsyncLocalStorage<TenantScope>();
const database = {
  asTenant: <T>(scope: TenantScope, work: () => Promise<T>): Promise<T> => scopes.run(scope, work),
};
const here = (): TenantScope | null => scopes.getStore() ?? null;

describe('scopeOf', () => {
  it.each([
    ['a person: the organisations of its roles', person, { orgs: [ORG], userId: 'u' }],
    ['a person without any role: none', { ...person, roles: new Map() }, { orgs: [], userId: 'u' }],
    ['a system admin: all', { ...person, isSystemAdmin: true }, { orgs: 'all', userId: 'u' }],
    ['a device: its own', device, { orgs: [ORG], userId: null }],
    ['what is no caller: nothing', { kind: 'token' }, null],
    ['a body: nothing', { email: 'ada@example.com' }, null],
    ['no argument: nothing', undefined, null],
  ])('gives %s', (_sentence, caller, scope) => expect(scopeOf(caller)).toEqual(scope));
});

describe('behindTheWall', () => {
  const wall = behindTheWall(database, {
    name: 'kept',
    group: {
      look: async (_caller: unknown) => here(),
      async *rows() {
        yield here();
        yield here();
      },
      stream: async (_caller: unknown): Promise<AsyncIterable<TenantScope | null>> => wall.group.rows(),
      async refuse(_caller: unknown): Promise<never> {
        throw new Error('refused');
      },
    },
    alone: () => here(),
  });

  it('runs what has a caller in its scope, and nothing else', async () => {
    expect(await wall.group.look(person)).toEqual(scopeOf(person));
    expect(await wall.group.look(device)).toEqual(scopeOf(device));
    expect(await wall.group.look('a session token')).toBeNull();
    expect(wall.alone()).toBeNull();
    expect(wall.name).toBe('kept');
    await expect(wall.group.refuse(person)).rejects.toThrow('refused');
  });

  it('reads rows that are asked for later in the scope of the call', async () => {
    const rows = await wall.group.stream(person);
    const seen: unknown[] = [];
    for await (const scope of rows) seen.push(scope);
    expect(seen).toEqual([scopeOf(person), scopeOf(person)]);
    expect(here()).toBeNull();
  });

  it('ends a stream that nobody reads on', async () => {
    const rows = (await wall.group.stream(person))[Symbol.asyncIterator]();
    await rows.next();
    await rows.return?.();
    expect((await rows.next()).done).toBe(true);
  });
});
