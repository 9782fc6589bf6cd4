/** Transactions, notifications, locks, and a database that goes away. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase, StoreError } from '#db';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { ADMIN_URL, withClient, withDatabase } from '../../support/database-server.ts';
import { eventually } from './eventually.ts';
import { addressOf, makeWorld, newDevice, type World } from './world.ts';

let test: TestDatabase;
let world: World;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());
beforeEach(async () => {
  world = await makeWorld(test.database);
});

/** As an administrator does, or a restart of the server. @returns how many sessions were ended */
const endSessions = (applicationName: string): Promise<number> =>
  withClient(test.url, async (client) => {
    const { rowCount } = await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()`,
      [applicationName],
    );
    return rowCount ?? 0;
  });

describe('a transaction', () => {
  it('commits all or nothing', async () => {
    const { database } = test;
    const made = await database.transaction(({ devices }) => devices.create(world.ours.id, newDevice()));
    expect(await database.devices.find(null, made.id)).toEqual(made);
    const failing = database.transaction(async ({ devices }) => {
      await devices.delete(world.ours.id, made.id);
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await database.devices.find(null, made.id)).toEqual(made);
  });

  it('fails when a failed statement in it was overlooked', async () => {
    const { database } = test;
    const device = newDevice();
    await database.devices.create(world.ours.id, device);
    const careless = database.transaction(async ({ devices }) => {
      await devices.create(world.ours.id, newDevice());
      await devices.create(world.ours.id, device).catch((error: unknown) => error);
    });
    await expect(careless).rejects.toThrow('rolled back');
    expect(await database.devices.summary(world.ours.id)).toMatchObject({ total: 1 });
  });

  it('throws conflicts as StoreErrors and leaves its connection usable', async () => {
    const { database } = test;
    for (let round = 0; round < 20; round += 1) {
      const again = database.transaction(({ organizations }) =>
        organizations.create({ slug: world.ours.slug, name: 'again' }),
      );
      await expect(again).rejects.toBeInstanceOf(StoreError);
    }
    await database.ping(5000);
  });

  it('whose connection is lost rejects as unavailable, and the next one works', async () => {
    const { database } = test;
    const device = await database.devices.create(world.ours.id, newDevice());
    const lost = database.transaction(async ({ presence }) => {
      await presence.lock([addressOf(device)]);
      await endSessions('edge');
      await presence.lock([addressOf(device)]);
    });
    await expect(lost).rejects.toMatchObject({ name: 'StoreError', code: 'unavailable' });
    expect(await database.devices.find(null, device.id)).toEqual(device);
  });

  it('whose connection is lost while it does other work does not end the process', async () => {
    const { database } = test;
    const lost = database.transaction(async () => {
      await endSessions('edge');
      await eventually('the session to end', () =>
        withClient(test.url, async (client) => {
          const { rows } = await client.query<{ count: number }>(
            `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'`,
          );
          return rows[0]?.count === 0;
        }),
      );
    });
    await expect(lost).rejects.toMatchObject({ code: 'unavailable' });
    await database.ping(5000);
  });
});

describe('notifications', () => {
  it('arrive once the transaction commits, and not when it rolls back', async () => {
    const { database } = test;
    const received: unknown[] = [];
    const listening = await database.listen('edge_live', {
      onMessage: (payload) => received.push(payload),
      onResync: () => received.push('resync'),
    });
    expect(received).toEqual(['resync']);
    await database
      .transaction(async ({ notify }) => {
        await notify('edge_live', { lost: true });
        throw new Error('no');
      })
      .catch((error: unknown) => error);
    await database.transaction(async ({ notify }) => {
      await notify('edge_live', { text: 'ünï "x"' });
      expect(received).toEqual(['resync']);
    });
    await database.notify('edge_revocations', { other: 'channel' });
    await database.notify('edge_live', { last: 1 });
    await eventually('both messages', () => received.length === 3);
    expect(received).toEqual(['resync', { text: 'ünï "x"' }, { last: 1 }]);
    await listening.stop();
  });

  it('come again after the connection was lost, with a resync first', async () => {
    const { database } = test;
    const received: unknown[] = [];
    const listening = await database.listen('edge_revocations', {
      onMessage: (payload) => {
        received.push(payload);
        throw new Error('a handler that fails');
      },
      onResync: () => received.push('resync'),
    });
    await database.notify('edge_revocations', { serials: ['aa'] });
    await eventually('the first message', () => received.length === 2);
    expect(await endSessions('edge-listen')).toBeGreaterThan(0);
    await eventually('the resync', () => received.length === 3);
    await database.notify('edge_revocations', { serials: ['bb'] });
    await eventually('the second message', () => received.length === 4);
    expect(received).toEqual(['resync', { serials: ['aa'] }, 'resync', { serials: ['bb'] }]);
    await listening.stop();
    await eventually('the end of its session', async () => (await endSessions('edge-listen')) === 0);
  });

  it('are refused when they are larger than PostgreSQL carries', async () => {
    await expect(test.database.notify('edge_live', { x: 'é'.repeat(4000) })).rejects.toThrow(RangeError);
    await test.database.notify('edge_live', { x: 'x'.repeat(7890) });
  });
});

describe('locks', () => {
  it('let one holder work at a time, and are given back after success and failure', async () => {
    const { database } = test;
    const name = randomUUID();
    const outcome = await database.withLock(name, async () => {
      expect(await database.withLock(name, async () => 'second')).toBeNull();
      expect(await database.withLock(`${name} other`, async () => 'other')).toBe('other');
      return 'first';
    });
    expect(outcome).toBe('first');
    const failing = database.withLock(name, async () => {
      throw new Error('job failed');
    });
    await expect(failing).rejects.toThrow('job failed');
    expect(await eventually('the lock', () => database.withLock(name, async () => 'third'))).toBe('third');
  });

  it('leave connections for the work under them, however many are asked for at once', async () => {
    const database = await openDatabase({ url: test.url, poolSize: 4 });
    try {
      const asked = Array.from({ length: 12 }, () =>
        database.withLock(randomUUID(), () => database.transaction(async () => 'worked')),
      );
      expect(await Promise.all(asked)).toEqual(asked.map(() => 'worked'));
    } finally {
      await database.close();
    }
  });
});

describe('a database that cannot be reached', () => {
  it('is reported as unavailable at once', async () => {
    const nowhere = new URL(test.url);
    nowhere.port = '1';
    await expect(openDatabase({ url: nowhere.href })).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('is told from one that was never migrated', async () => {
    const adminUrl = process.env[ADMIN_URL] ?? '';
    const name = `edge_test_empty_${randomUUID().slice(0, 8)}`;
    await withClient(adminUrl, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0`));
    await expect(openDatabase({ url: withDatabase(adminUrl, name) })).rejects.toThrow(
      'run the migrations first',
    );
    await withClient(adminUrl, (client) => client.query(`DROP DATABASE ${name}`));
  });

  it('rejects a ping within its time, also when all connections are busy', async () => {
    const small = await openDatabase({ url: test.url, poolSize: 1 });
    const release = Promise.withResolvers<void>();
    const holding = Promise.withResolvers<void>();
    const busy = small.transaction(async () => {
      holding.resolve();
      await release.promise;
    });
    await holding.promise;
    const startedAt = Date.now();
    await expect(small.ping(150)).rejects.toMatchObject({ code: 'unavailable' });
    expect(Date.now() - startedAt).toBeLessThan(3000);
    release.resolve();
    await busy;
    await small.ping(5000);
    await small.close();
    await small.close();
  });
});
