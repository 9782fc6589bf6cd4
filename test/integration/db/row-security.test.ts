/** The second wall: what a tenant sees where a query names no organisation, and that nothing of it outlives its transaction. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device, TenantScope } from '#db';
import { isWide, pageSql } from '../../../db/stores/logs.ts';
import { type Queries, queriesOn } from '../../../db/stores/queries.ts';
import { asOwner, asTenant } from '../../../db/tenant.ts';
import { SERIES } from '../../../db/timeseries/series.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { makeWorld, newDevice, type World } from './world.ts';

/** Tables that no request of a person or a device needs: the role has no right on them. */
const OUT_OF_REACH: Readonly<Record<string, string>> = {
  schema_migrations: 'the runner alone reads and writes it',
  ingest_cursors: 'ingest commits for many devices, as the owner',
  provider_sign_ins: 'before anybody is known',
  provider_sessions: 'sign-in and its jobs',
  provider_logout_tokens: 'the provider calls, no person',
  organization_keys: 'sealing and opening run as the owner',
  encryption_master: 'sealing and opening run as the owner',
};

let test: TestDatabase;
let world: World;
let ours: Device;
let theirs: Device;
let scope: TenantScope;

beforeAll(async () => {
  test = await createTestDatabase();
  world = await makeWorld(test.database);
  ours = await test.database.devices.create(world.ours.id, newDevice());
  theirs = await test.database.devices.create(world.theirs.id, newDevice());
  scope = { orgs: [world.ours.id], userId: null };
});
afterAll(() => test.drop());

/** On a pool of one connection, so that whoever comes next has the connection of whoever was before. */
async function onOneConnection(work: (queries: Queries, pool: pg.Pool) => Promise<void>): Promise<void> {
  const pool = new pg.Pool({ connectionString: test.url, max: 1, options: '-c client_min_messages=warning' });
  try {
    await work(queriesOn(pool), pool);
  } finally {
    await pool.end();
  }
}
const WHO = `SELECT current_user AS role, coalesce(current_setting('edge.orgs', true), '') AS orgs,
  coalesce(current_setting('edge.user', true), '') AS person, current_setting('search_path') AS path,
  pg_backend_pid() AS pid, (SELECT count(*)::int FROM edge_devices) AS devices`;
interface Who {
  readonly role: string;
  readonly orgs: string;
  readonly person: string;
  readonly path: string;
  readonly pid: number;
  readonly devices: number;
}
const who = async ({ rows }: Pick<Queries, 'rows'>): Promise<Who> =>
  (await rows<Who & pg.QueryResultRow>(WHO))[0] as Who;

describe('every table', () => {
  it('has a policy, a view in its place, or a reason why the role cannot touch it', async () => {
    await onOneConnection(async ({ rows }) => {
      const tables = await rows<{ name: string; guarded: boolean; policies: number; reachable: boolean }>(
        `SELECT c.relname AS name, c.relrowsecurity AS guarded,
                (SELECT count(*)::int FROM pg_policies p WHERE p.tablename = c.relname
                 AND p.schemaname = current_schema() AND p.roles = '{edge_tenant}') AS policies,
                has_table_privilege('edge_tenant', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') AS reachable
         FROM pg_class c
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1`,
      );
      const series = new Set(SERIES.map(({ table }) => table));
      const open = tables.filter(({ name, guarded, policies, reachable }) =>
        series.has(name) || name in OUT_OF_REACH ? reachable : !guarded || policies === 0,
      );
      expect(open.map(({ name }) => name)).toEqual([]);
      expect(tables.length).toBeGreaterThan(20);
    });
  });

  it('of time has a view with all of its columns, which is no way around the check', async () => {
    await onOneConnection(async ({ rows }) => {
      const columns = (schema: string) =>
        rows<{ name: string }>(
          `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
           WHERE table_schema = ${schema} AND table_name = ANY ($1) ORDER BY table_name, ordinal_position`,
          [SERIES.map(({ table }) => table)],
        );
      expect(await columns(`'tenant'`)).toEqual(await columns('current_schema()'));
      const write = (orgId: string) =>
        asTenant(scope, () =>
          rows(
            `INSERT INTO presence_events (device_id, organization_id, at, to_observation, reason)
             VALUES ($1, $2, now(), 'offline', 'tried')`,
            [ours.id, orgId],
          ),
        );
      await expect(write(world.theirs.id)).rejects.toThrow('check option');
      await expect(write(world.ours.id)).resolves.toEqual([]);
    });
  });

  it('is out of reach where row-level security does not hold', async () => {
    await onOneConnection(async ({ rows }) => {
      for (const { table } of SERIES) {
        await expect(asTenant(scope, () => rows(`SELECT FROM public.${table}`))).rejects.toThrow(
          'permission denied',
        );
      }
    });
  });

  it('is deleted from by triggers that look past the wall for the role', async () => {
    await onOneConnection(async ({ rows }) => {
      const functions = await rows<{ name: string }>(
        `SELECT p.proname AS name FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
           AND p.prorettype = 'trigger'::regtype AND p.prosrc ~* 'DELETE FROM' AND NOT (p.prosecdef AND p.proconfig::text ~ 'search_path')`,
      );
      expect(functions).toEqual([]);
    });
  });
});

describe('a tenant', () => {
  it('sees its own rows where a query names no organisation', async () => {
    const { devices, presence } = test.database;
    const page = await asTenant(scope, () => devices.list(null, {}, { limit: 10 }));
    expect(page.items.map(({ id }) => id)).toEqual([ours.id]);
    expect(page.total).toBe(1);
    expect(await asTenant(scope, () => devices.find(null, theirs.id))).toBeNull();
    expect(await asTenant(scope, () => presence.snapshot(world.theirs.id, theirs.id))).toBeNull();
    expect(await devices.find(null, theirs.id)).not.toBeNull();
  });

  it('changes nothing of others', async () => {
    const { devices } = test.database;
    expect(
      await asTenant(scope, () => devices.update(world.theirs.id, theirs.id, { name: 'taken' })),
    ).toBeNull();
    expect(await asTenant(scope, () => devices.delete(world.theirs.id, theirs.id))).toBe(false);
    await expect(asTenant(scope, () => devices.create(world.theirs.id, newDevice()))).rejects.toThrow(
      'row-level security',
    );
    expect(await devices.find(world.theirs.id, theirs.id)).toMatchObject({ name: theirs.name });
  });

  it('sees nothing without an organisation, and everything as a system admin', async () => {
    const total = async (orgs: TenantScope['orgs']) =>
      (await asTenant({ orgs, userId: null }, () => test.database.devices.summary(null))).total;
    expect(await total([])).toBe(0);
    expect(await total([world.ours.id, world.theirs.id])).toBe(2);
    expect(await total('all')).toBe(2);
  });

  it('is refused where an id is none', async () => {
    const work = () => test.database.devices.summary(null);
    for (const id of [
      '*',
      '',
      `${world.ours.id},*`,
      `${world.ours.id}'; RESET ROLE; --`,
      `${world.ours.id}\n`,
    ]) {
      await expect(asTenant({ orgs: [id], userId: null }, work)).rejects.toThrow(TypeError);
      await expect(asTenant({ orgs: [], userId: id === '' ? ' ' : id }, work)).rejects.toThrow(TypeError);
    }
  });

  it('deletes a device with its time series', async () => {
    const device = await test.database.devices.create(world.ours.id, newDevice());
    const row = { deviceId: device.id, orgId: device.orgId, atMs: Date.now(), receivedAtMs: Date.now() };
    await test.database.telemetry.insertLogs([
      { ...row, message: 'gone', level: 'info', service: 'a', metadata: null },
    ]);
    expect(await asTenant(scope, () => test.database.devices.delete(world.ours.id, device.id))).toBe(true);
    await onOneConnection(async ({ rows }) => {
      expect(await rows('SELECT FROM device_logs WHERE device_id = $1', [device.id])).toEqual([]);
    });
  });
});

describe('a person', () => {
  const newPerson = async (): Promise<string> => {
    const email = `${randomUUID()}@example.com`;
    const { id } = await test.database.users.create({
      ...{ email, name: 'Ada', passwordHash: 'none', isSystemAdmin: false, mustChangePassword: true },
    });
    await test.database.users.addMember(world.ours.id, id, 'org_admin');
    return id;
  };

  it('changes its own password, and no more than that of who it is to the installation', async () => {
    const [userId, otherId] = [await newPerson(), await newPerson()];
    await onOneConnection(async ({ rows }) => {
      const asked = (text: string, id = userId) =>
        asTenant({ ...scope, userId }, () =>
          rows(`UPDATE users SET ${text} WHERE id = $1 RETURNING id`, [id]),
        );
      await expect(asked(`password_hash = 'new', must_change_password = false`)).resolves.toHaveLength(1);
      await expect(asked(`password_hash = 'new'`, otherId)).resolves.toEqual([]);
      for (const column of ['is_system_admin', 'disabled']) {
        await expect(asked(`${column} = true`)).rejects.toThrow('only a system admin');
      }
      for (const change of [
        `kind = 'service'`,
        `email = 'root@example.org'`,
        `issuer = 'https://idp.example', subject = '1'`,
        'admin_by_provider = true',
        'id = gen_random_uuid()',
      ]) {
        await expect(asked(change)).rejects.toThrow('permission denied');
      }
      await expect(
        asTenant({ ...scope, userId }, () => rows('DELETE FROM users WHERE id = $1', [userId])),
      ).rejects.toThrow('permission denied');
    });
    expect(await test.database.users.find(userId)).toMatchObject({
      ...{ isSystemAdmin: false, disabled: false, passwordHash: 'new' },
    });
  });

  it('is made a system admin, and taken out of use, by a system admin', async () => {
    const userId = await newPerson();
    const { accounts } = test.database;
    await asTenant({ orgs: 'all', userId: ours.id }, () =>
      accounts.update(userId, { isSystemAdmin: true, disabled: true, name: 'Ada L.' }),
    );
    expect(await accounts.find(userId)).toMatchObject({
      isSystemAdmin: true,
      disabled: true,
      name: 'Ada L.',
    });
  });
});

describe('the connection afterwards', () => {
  const FAULTS: readonly (readonly [string, (queries: Queries) => Promise<unknown>])[] = [
    ['a statement', ({ rows }) => rows('SELECT 1')],
    ['a failed statement', ({ rows }) => rows('SELECT 1 / 0')],
    [
      'a refused row',
      ({ rows }) => rows(`INSERT INTO organizations (slug, name) VALUES ('refused', 'refused')`),
    ],
    [
      'a timeout',
      (queries) =>
        queries.inTransaction(async ({ rows }) => {
          await rows('SET LOCAL statement_timeout = 1');
          await rows('SELECT pg_sleep(5)');
        }),
    ],
    [
      'a cancelled statement',
      async (queries) => {
        const running = queries.rows('SELECT pg_sleep(30)').catch((error: unknown) => error);
        const killer = new pg.Client({ connectionString: test.url });
        await killer.connect();
        try {
          await expect
            .poll(async () => {
              const { rows } = await killer.query(
                `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)'`,
              );
              return rows.length;
            })
            .toBe(1);
          expect(await running).toBeInstanceOf(pg.DatabaseError);
        } finally {
          await killer.end();
        }
      },
    ],
    [
      'a transaction whose work throws',
      (queries) =>
        queries.inTransaction(async ({ rows }) => {
          await rows('SELECT 1');
          throw new Error('work failed');
        }),
    ],
    [
      'a door that was opened and fell',
      (queries) => queries.inTransaction(({ rows }) => asOwner(() => rows('SELECT 1 / 0'))),
    ],
    ['bad data in a copy', ({ copy }) => copy('COPY metric_types FROM STDIN', Buffer.from('x'))],
  ];

  it.each(FAULTS)('is the owner’s again after %s', async (_name, work) => {
    await onOneConnection(async (queries) => {
      const before = await who(queries);
      await asTenant({ ...scope, userId: ours.id }, () => work(queries)).catch(() => undefined);
      expect(await who(queries)).toEqual(before);
      expect(before).toMatchObject({ orgs: '', person: '', devices: 2 });
    });
  });

  it('is nobody’s while no scope is set', async () => {
    await onOneConnection(async ({ inTransaction }) => {
      await inTransaction(async ({ rows }) => {
        await rows('SET LOCAL ROLE edge_tenant');
        expect(await rows('SELECT FROM edge_devices')).toEqual([]);
        expect(await rows('SELECT FROM tenant.device_logs')).toEqual([]);
      });
    });
  });
});

describe('inside one transaction', () => {
  it('keeps the scope through savepoints', async () => {
    await onOneConnection(async (queries) => {
      await asTenant(scope, () =>
        queries.inTransaction(async (inside) => {
          const before = await who(inside);
          expect(before).toMatchObject({ role: 'edge_tenant', orgs: world.ours.id, devices: 1 });
          await inside.rows('SAVEPOINT tried');
          await asOwner(() => inside.rows('SELECT 1 / 0')).catch(() => undefined);
          await inside.rows('ROLLBACK TO SAVEPOINT tried');
          expect(await who(inside)).toEqual(before);
          await inside.rows('SAVEPOINT again');
          await asTenant({ orgs: [], userId: null }, () => inside.rows('SELECT 1'));
          await inside.rows('RELEASE SAVEPOINT again');
          expect(await who(inside)).toEqual(before);
        }),
      );
    });
  });

  it('opens the door for one statement only, whatever runs beside it', async () => {
    await onOneConnection(async (queries) => {
      const before = await who(queries);
      const seen = await asTenant(scope, () =>
        queries.inTransaction((inside) =>
          Promise.all([who(inside), asOwner(() => who(inside)), who(inside), asOwner(() => who(inside))]),
        ),
      );
      expect(seen.map(({ role, devices }) => [role === 'edge_tenant', devices])).toEqual([
        [true, 1],
        [false, 2],
        [true, 1],
        [false, 2],
      ]);
      expect(seen[1]?.path).toBe(before.path);
    });
  });

  it('holds for queries that were begun by the owner, too', async () => {
    await onOneConnection(async (queries) => {
      await queries.inTransaction(async (inside) => {
        expect((await asTenant(scope, () => who(inside))).devices).toBe(1);
        expect((await who(inside)).devices).toBe(2);
      });
    });
  });
});

describe('plans of a tenant', () => {
  const DAY_MS = 86_400_000;
  const plan = async (queries: Queries, text: string, parameters: readonly unknown[]): Promise<string> =>
    asTenant(scope, () =>
      queries.inTransaction(async ({ rows }) => {
        // As the search does it where words are rare.
        await rows(
          `SELECT set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'off', true)`,
        );
        const lines = await rows<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, parameters);
        return lines.map((line) => line['QUERY PLAN']).join('\n');
      }),
    );

  it('find log lines by the index of words, in the chunks of the window alone', async () => {
    const now = Date.now();
    const row = {
      deviceId: ours.id,
      orgId: ours.orgId,
      level: 'info',
      service: 's',
      metadata: null,
    } as const;
    await test.database.telemetry.insertLogs(
      Array.from({ length: 20_000 }, (_, index) => ({
        ...row,
        message: `line ${index}`,
        atMs: now - (index % 5) * DAY_MS,
        receivedAtMs: now,
      })),
    );
    const window = {
      fromMicros: BigInt(now - 3 * DAY_MS) * 1000n,
      toMicros: BigInt(now - 2 * DAY_MS) * 1000n,
    };
    const { text, parameters } = pageSql({
      orgId: world.ours.id,
      query: { deviceIds: null, levels: null, service: null, text: '4711', from: null, to: null },
      text: '4711',
      direction: 'older',
      place: null,
      window,
      wordsFirst: isWide(window),
    });
    await onOneConnection(async (queries) => {
      await queries.rows('ANALYZE device_logs');
      const shown = await plan(queries, text, [...parameters, 100]);
      expect(shown).toMatch(/Index Scan on \S*(log_words_idx|idx_device_logs_words)/);
      // A window of a day touches two chunks of a day, and the default partition.
      const scanned = new Set(
        shown.match(/(device_logs_(\d{4}_\d\d_\d\d|default)|_hyper_\d+_\d+_chunk)(?= )/g),
      );
      expect(scanned.size).toBeGreaterThan(0);
      expect(scanned.size).toBeLessThanOrEqual(3);
    });
  });

  it('ask for the scope once per query, not per row', async () => {
    await onOneConnection(async (queries) => {
      const shown = await plan(queries, 'SELECT FROM edge_devices WHERE organization_id = $1', [
        world.ours.id,
      ]);
      expect(shown).toContain('InitPlan');
      expect(shown).not.toMatch(/current_setting|tenant_orgs\(\)/);
    });
  });
});
