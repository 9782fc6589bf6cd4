/** Log search: words as people type them, filters, places in both directions, other organisations. */
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device, LogPlace, LogQuery, LogRow, LogSearch } from '#db';
import { wordsOf } from '../../../db/stores/log-text.ts';
import { createLogStore } from '../../../db/stores/logs.ts';
import { queriesOn } from '../../../db/stores/queries.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { withClient } from '../../support/database-server.ts';
import { makeWorld, newDevice, type World } from './world.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.now();
let test: TestDatabase;
let world: World;
let device: Device;
let other: Device;
let foreign: Device;

const line = (message: string, changes: Partial<LogRow> = {}): LogRow => ({
  ...{ deviceId: device.id, orgId: device.orgId, atMs: NOW - 2 * HOUR, receivedAtMs: NOW, message },
  ...{ level: 'info', service: 'sshd', metadata: null },
  ...changes,
});
const NO_FILTER: LogQuery = {
  ...{ deviceIds: null, levels: null, service: null, text: null, from: null, to: null },
};
const insert = (rows: readonly LogRow[]) => test.database.telemetry.insertLogs(rows);
const search = (
  query: Partial<LogQuery>,
  direction: 'older' | 'newer' = 'older',
  place: LogPlace | null = null,
  limit = 100,
) => test.database.logs.search(world.ours.id, { ...NO_FILTER, ...query }, direction, place, limit);
const messages = async (...asked: Parameters<typeof search>) =>
  (await search(...asked)).lines.map(({ message }) => message);

beforeAll(async () => {
  test = await createTestDatabase();
  world = await makeWorld(test.database);
  device = await test.database.devices.create(world.ours.id, newDevice());
  other = await test.database.devices.create(world.ours.id, newDevice());
  foreign = await test.database.devices.create(world.theirs.id, newDevice());
});
afterAll(() => test.drop());

describe('text', () => {
  const LINE =
    'Request failed: user=4711 path=/var/log/app_1.log host db-01.example.org (code=E_CONN), naïve Größe';
  beforeAll(() => insert([line(LINE, { service: 'text' }), line('another line', { service: 'text' })]));

  it.each([
    'request',
    'FAILED request',
    'user=4711',
    '4711',
    '/var/log/app_1.log',
    'app_1',
    'log',
    'db-01.example.org',
    'example',
    '"request failed"',
    '"failed: user"',
    '"path=/var/log"',
    'fail*',
    '/var/log/ap*',
    'request -another',
    'größe naïve',
    'e_conn',
  ])('%s finds the line', async (text) => {
    expect(await messages({ text, service: 'text' })).toEqual([LINE]);
  });

  it.each(['fail', '"failed request"', 'request another', 'request -user', '"log var"', '471', 'quest*'])(
    '%s does not',
    async (text) => expect(await messages({ text, service: 'text' })).toEqual([]),
  );

  it('with only what must not occur finds the others', async () => {
    expect(await messages({ text: '-request', service: 'text' })).toEqual(['another line']);
  });

  it.each(['', '   ', '"..."', '-', '* = !'])('%j without any word is refused, naming q', async (text) => {
    await expect(search({ text })).rejects.toMatchObject({ code: 'invalid', field: 'q' });
  });

  it('is cut into the same words here and in the database', async () => {
    const alphabet = fc.constantFrom(...'aeZ01 !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~\t\n'.split(''));
    await withClient(test.url, (client) =>
      fc.assert(
        fc.asyncProperty(fc.array(alphabet, { maxLength: 25 }), async (characters) => {
          const message = characters.join('');
          const { rows } = await client.query<{ words: string[] }>(
            'SELECT tsvector_to_array(log_words($1)) AS words',
            [message],
          );
          const words = new Set(wordsOf(message).map((word) => word.toLowerCase()));
          expect(rows[0]?.words.toSorted()).toEqual([...words].sort());
        }),
        { numRuns: 2000 },
      ),
    );
  });

  it.each(["it's", "a'b:*", 'x & !y | (z', "\\' <-> x'", 'a:b*c', "'; DROP TABLE device_logs; --"])(
    '%s is taken as words, never as an operator',
    async (text) => expect(await messages({ text })).toEqual([]),
  );
});

describe('filters', () => {
  beforeAll(() =>
    insert([
      line('one', { service: 'filters', level: 'error' }),
      line('two', { service: 'filters', level: 'critical', deviceId: other.id, atMs: NOW - 3 * HOUR }),
      line('three', { service: 'filters', level: 'debug', atMs: NOW - 4 * HOUR }),
      line('theirs', { service: 'filters', level: 'error', deviceId: foreign.id, orgId: foreign.orgId }),
    ]),
  );

  it.each<[string, Partial<LogQuery> | (() => Partial<LogQuery>), string[]]>([
    ['service', {}, ['one', 'two', 'three']],
    ['levels', { levels: ['error', 'critical'] }, ['one', 'two']],
    ['any level', { levels: ['debug', 'error'] }, ['one', 'three']],
    ['one device', () => ({ deviceIds: [other.id] }), ['two']],
    ['several devices', () => ({ deviceIds: [other.id, device.id] }), ['one', 'two', 'three']],
    ['no device', { deviceIds: [] }, []],
    ['a foreign device', () => ({ deviceIds: [foreign.id] }), []],
    ['from', { from: new Date(NOW - 3 * HOUR) }, ['one', 'two']],
    ['to', { to: new Date(NOW - 3 * HOUR) }, ['three']],
    ['another service', { service: 'nobody' }, []],
  ])('by %s', async (_, query, expected) => {
    expect(
      await messages({ service: 'filters', ...(typeof query === 'function' ? query() : query) }),
    ).toEqual(expected);
  });

  it('show whose line it is, and all of it', async () => {
    const {
      lines: [found],
    } = await search({ service: 'filters', levels: ['critical'] });
    expect(found).toEqual({
      place: { atMicros: BigInt(NOW - 3 * HOUR) * 1000n, id: expect.any(BigInt) },
      ...{
        deviceId: other.id,
        deviceName: other.name,
        at: new Date(NOW - 3 * HOUR),
        receivedAt: new Date(NOW),
      },
      ...{ level: 'critical', service: 'filters', message: 'two', metadata: null },
    });
  });

  it('count errors, and name services', async () => {
    const { logs } = test.database;
    const since = new Date(NOW - DAY);
    expect(await logs.countErrors([world.theirs.id], since)).toBe(1);
    expect(await logs.countErrors([world.ours.id, world.theirs.id], since)).toBe(3);
    expect(await logs.countErrors(null, since)).toBe(3);
    expect(await logs.countErrors(null, new Date(NOW - HOUR))).toBe(0);
    expect(await logs.services(world.ours.id, other.id, since)).toEqual(['filters']);
    expect(await logs.services(world.theirs.id, other.id, since)).toEqual([]);
    expect(await logs.services(world.ours.id, other.id, new Date(NOW))).toEqual([]);
  });
});

describe('places', () => {
  /** Over all windows and beyond, five lines of one instant each. */
  const AGES = [0, 0.5, 3, 20, 100, 500, 900, 2000].map((hours) => hours * HOUR);
  const all: string[] = [];
  beforeAll(async () => {
    const rows = AGES.flatMap((age) =>
      Array.from({ length: 5 }, (_, index) =>
        line(`word ${age} ${index}`, { service: 'places', atMs: NOW - age }),
      ),
    );
    await insert(rows);
    all.push(...(await messages({ service: 'places' })));
  });

  it.each([null, 'word', '-absent'])(
    'lead through everything once, both ways, with text %s',
    async (text) => {
      expect(new Set(all).size).toBe(AGES.length * 5);
      const query = { service: 'places', text };
      const older: string[] = [];
      let place: LogPlace | null = null;
      for (;;) {
        const { lines: page } = await search(query, 'older', place, 7);
        older.push(...page.map(({ message }) => message));
        if (page.length < 7) break;
        place = page.at(-1)?.place ?? null;
      }
      expect(older).toEqual(all);
      const newer: string[] = [];
      place = { atMicros: 0n, id: 0n };
      for (;;) {
        const { lines: page }: Awaited<ReturnType<typeof search>> = await search(query, 'newer', place, 7);
        newer.unshift(...page.map(({ message }) => message));
        if (page.length < 7) break;
        place = page[0]?.place ?? null;
      }
      expect(newer).toEqual(all);
    },
  );

  it.each(['older', 'newer'] as const)(
    'lead on to %s lines where the time for a page was over',
    async (direction) => {
      const minutes = [1, 2, 4, 5, 13, 31, 55, 100, 150];
      await insert(
        minutes.map((age) => line(`hurried ${age}`, { service: direction, atMs: NOW - age * 60_000 })),
      );
      const pool = new pg.Pool({ connectionString: test.url, max: 1 });
      try {
        const hurried = createLogStore(queriesOn(pool), { pageBudgetMs: 0 });
        const query = { ...NO_FILTER, service: direction, text: 'hurried', from: new Date(NOW - 3 * HOUR) };
        const found: string[] = [];
        let place: LogPlace | null = null;
        let pages = 0;
        for (; pages < 100; pages += 1) {
          const page: LogSearch = await hurried.search(world.ours.id, query, direction, place, 1000);
          const texts = page.lines.map(({ message }) => message);
          if (direction === 'older') found.push(...texts);
          else found.unshift(...texts);
          if (page.reached === null) break;
          place = page.reached;
        }
        expect(found).toEqual(minutes.map((age) => `hurried ${age}`));
        expect(pages).toBeGreaterThan(5);
        expect(pages).toBeLessThan(60);
      } finally {
        await pool.end();
      }
    },
  );

  it('find lines that came meanwhile', async () => {
    const {
      lines: [newest],
    } = await search({ service: 'late' }, 'older');
    expect(newest).toBeUndefined();
    await insert([line('first', { service: 'late' })]);
    const {
      lines: [first],
    } = await search({ service: 'late' });
    await insert([line('second', { service: 'late', atMs: NOW + HOUR })]);
    expect(await messages({ service: 'late' }, 'newer', first?.place)).toEqual(['second']);
  });
});
