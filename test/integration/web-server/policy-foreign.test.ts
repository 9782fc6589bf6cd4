/** Foreign objects in lists, in filters, below an own organisation, and among own ones in one request: never told from made-up ones. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RouteName } from '#web-api';
import { type Kind, type Objects, randomObjects } from './policy-objects.ts';
import { addressed, aimOf, kindsOf, type Operation, readOperations } from './policy-operations.ts';
import { awayOf, createProber, type Prober } from './policy-probe.ts';
import { openWorld, type Principal, type PrincipalName, type World } from './policy-world.ts';
import { type RealStack, startRealStack } from './real-stack.ts';
import { type Answer, codeOf, shownOf } from './web-fixture.ts';

let stack: RealStack;
let world: World;
let operations: Operation[];
let prober: Prober;

beforeAll(async () => {
  stack = await startRealStack();
  world = await openWorld(stack);
  prober = createProber(stack, world);
  operations = readOperations((await stack.web.call(`${stack.web.httpUrl}/api/docs/openapi.json`)).json());
});
afterAll(async () => {
  prober.close();
  await stack.stop();
});

function operationOf(id: string): Operation {
  const found = operations.find((one) => one.id === id);
  if (found === undefined) throw new Error(`${id} is not in the document`);
  return found;
}
function principalOf(name: PrincipalName): Principal {
  const found = world.principals.find((one) => one.name === name);
  if (found === undefined) throw new Error(`nobody is ${name}`);
  return found;
}

/** Lists, and the field of the world whose value a row shows. */
const LISTS: Readonly<Record<string, Kind>> = {
  'organizations.list': 'organization_id',
  'members.list': 'user_id',
  'groups.list': 'group_id',
  'devices.list': 'device_id',
  'tokens.list': 'token_id',
  'integrators.list': 'integrator_id',
  'refusals.list': 'device_id',
  'dead_letters.list': 'device_id',
  'metric_types.list': 'metric_type',
  'audit.list': 'device_id',
  'approvals.list': 'approval_id',
  'certificates.list': 'serial',
  'secrets.list': 'secret_name',
  'service_accounts.list': 'account_id',
};
/** Lists with a test of their own below. */
const OTHER_LISTS = [
  'users.list',
  'authorities.list',
  'sessions.list',
  'api_keys.list',
  'service_account_keys.list',
];

/** Every page of it. */
async function readAll(
  operation: Operation,
  principal: Principal,
  aim: Objects | null,
  query: Readonly<Record<string, string>> = {},
): Promise<string> {
  let text = '';
  let cursor: string | null = null;
  do {
    const more: Readonly<Record<string, string>> = cursor === null ? query : { ...query, cursor };
    const answer = await prober.probe(operation, principal, aim, { query: more });
    expect(answer.status, answer.text).toBe(200);
    text += answer.text;
    const page = answer.json();
    const next = typeof page === 'object' && page !== null && 'next_cursor' in page ? page.next_cursor : null;
    cursor = typeof next === 'string' ? next : null;
  } while (cursor !== null);
  return text;
}

describe('every list', () => {
  it('is known to this test', () => {
    const lists = operations.map(({ id }) => id).filter((id) => id.endsWith('.list'));
    expect(lists.sort()).toEqual([...Object.keys(LISTS), ...OTHER_LISTS].sort());
  });

  it.each(Object.entries(LISTS))(
    '%s shows an admin the own objects alone, a system admin all',
    async (id, kind) => {
      const operation = operationOf(id);
      for (const name of ['org admin', 'other-org admin', 'system admin'] as const) {
        const principal = principalOf(name);
        const aim = aimOf(operation) === 'path' ? world[principal.home].standing : null;
        const text = await readAll(operation, principal, aim);
        expect(text).toContain(world[principal.home].standing[kind]);
        const isForeignShown = text.includes(awayOf(world, principal).standing[kind]);
        expect(isForeignShown).toBe(name === 'system admin' && aim === null);
      }
    },
  );

  it('of people is for system admins, who see those of every organisation', async () => {
    const text = await readAll(operationOf('users.list'), principalOf('system admin'), null);
    for (const { standing } of [world.first, world.second]) expect(text).toContain(standing.user_id);
  });

  it.each(['sessions.list', 'api_keys.list'] as const)('%s shows nobody else’s', async (id) => {
    const kind = id === 'sessions.list' ? 'session_id' : 'key_id';
    const own = operationOf(id === 'sessions.list' ? 'sessions.end' : 'api_keys.revoke');
    for (const name of ['org admin', 'system admin'] as const) {
      const principal = principalOf(name);
      const mine = await prober.aim(own, principal, 'own');
      const foreign = await prober.aim(own, principal, 'foreign');
      const neighbour = await prober.aim(own, principalOf('auditor'), 'own');
      const text = await readAll(operationOf(id), principal, null);
      expect(text).toContain(mine?.[kind]);
      expect(text).not.toContain(foreign?.[kind]);
      expect(text).not.toContain(neighbour?.[kind]);
    }
  });

  it('of a service account’s keys shows those of this account alone', async () => {
    const revoke = operationOf('service_account_keys.revoke');
    const admin = principalOf('org admin');
    const mine = await world.first.makers.key({
      userId: world.first.standing.account_id,
      orgId: world.first.id,
    });
    const another = await world.first.fresh(kindsOf(revoke));
    const text = await readAll(operationOf('service_account_keys.list'), admin, world.first.standing);
    expect(text).toContain(mine);
    expect(text).not.toContain(another.key_id);
  });
});

/** As the org admin of the first organisation: a foreign value, and one that nobody has. */
async function told(
  make: (from: Objects) => Promise<Answer>,
  foreign: Objects = world.second.standing,
): Promise<{ foreign: Answer; random: Answer }> {
  return { foreign: await make(foreign), random: await make(randomObjects()) };
}

describe('an own organisation lends no arm to objects of another one', () => {
  // Where names are made, those of others are as free as any.
  const nested = (): Operation[] =>
    operations.filter(
      (operation) =>
        addressed(operation).includes('organization_id') &&
        kindsOf(operation).length > 0 &&
        !operation.id.endsWith('.put'),
    );

  it('in any address below it', async () => {
    const names = nested().map(({ id }) => id);
    for (const id of ['members.remove', 'secrets.delete', 'metric_types.delete', 'service_accounts.update']) {
      expect(names).toContain(id);
    }
    for (const operation of nested()) {
      const { foreign, random } = await told((from) => {
        const kinds = kindsOf(operation).map((kind) => [kind, from[kind]]);
        const aim: Objects = { ...world.first.standing, ...Object.fromEntries(kinds) };
        return prober.probe(operation, principalOf('org admin'), aim);
      });
      expect(foreign.status, `${operation.id}: ${foreign.text}`).toBe(404);
      expect(shownOf(foreign), operation.id).toEqual(shownOf(random));
    }
    const types = operationOf('metric_types.list');
    const theirs = await readAll(types, principalOf('other-org admin'), world.second.standing);
    expect(theirs).toContain(world.second.standing.metric_type);
  });

  it('nor to a key of it, below an own service account', async () => {
    const key = await world.second.makers.key({
      userId: world.second.standing.account_id,
      orgId: world.second.id,
    });
    const foreign = { ...world.second.standing, key_id: key };
    const answers = await told(
      ({ key_id }) =>
        prober.probe(operationOf('service_account_keys.revoke'), principalOf('org admin'), {
          ...world.first.standing,
          key_id,
        }),
      foreign,
    );
    expect([answers.foreign.status, codeOf(answers.foreign)]).toEqual([404, 'key.not_found']);
    expect(shownOf(answers.foreign)).toEqual(shownOf(answers.random));
  });

  it.each<[RouteName, Kind]>([
    ['devices.list', 'group_id'],
    ['refusals.list', 'device_id'],
    ['dead_letters.list', 'device_id'],
  ])('%s filtered by %s shows nothing', async (id, kind) => {
    const { foreign, random } = await told((from) =>
      prober.probe(operationOf(id), principalOf('org admin'), null, { query: { [kind]: from[kind] } }),
    );
    expect(foreign.json()).toEqual({ items: [], total: 0, next_cursor: null });
    expect(shownOf(foreign)).toEqual(shownOf(random));
  });

  it('audit.list filtered by an object of it shows nothing', async () => {
    const { foreign, random } = await told(({ device_id }) =>
      prober.probe(operationOf('audit.list'), principalOf('org admin'), null, {
        query: { object: `device:${device_id}` },
      }),
    );
    expect(foreign.json()).toEqual({ items: [], total: 0, next_cursor: null });
    expect(shownOf(foreign)).toEqual(shownOf(random));
  });

  it('gives its cursor no power over another one', async () => {
    const devices = operationOf('devices.list');
    const mine = await readFirst(devices, principalOf('org admin'), { page_size: '1' });
    expect(typeof mine.next_cursor).toBe('string');
    const cursor = String(mine.next_cursor);
    const theirs = await prober.probe(devices, principalOf('other-org admin'), null, { query: { cursor } });
    for (const mark of Object.values(world.first.standing)) expect(theirs.text).not.toContain(mark);
  });
});

async function readFirst(
  { path }: Operation,
  principal: Principal,
  query: Readonly<Record<string, string>>,
): Promise<{ next_cursor: unknown }> {
  const session = await principal.session();
  const answer = await stack.web.call(`${stack.web.httpUrl}${path}?${new URLSearchParams(query)}`, {
    headers: { cookie: session?.cookie ?? '' },
  });
  return answer.json() as { next_cursor: unknown };
}

/** One request for own objects with one among them that is not: the field, and what the answer hides. */
interface Mixed {
  readonly id: RouteName;
  readonly what: string;
  readonly code: string;
  readonly body?: (own: Objects, other: Objects) => Readonly<Record<string, unknown>>;
  readonly query?: (own: Objects, other: Objects) => Readonly<Record<string, string>>;
}

const devicesOf = (own: Objects, other: Objects) => ({ device_ids: `${own.device_id},${other.device_id}` });
const tokenFor = (own: Objects, more: object) => ({ organization_id: own.organization_id, ...more });
const MIXED: readonly Mixed[] = [
  {
    ...{ id: 'groups.devices', what: 'devices', code: '404 device.not_found' },
    body: (own, other) => ({ add: [own.device_id, other.device_id] }),
  },
  {
    ...{ id: 'tokens.create', what: 'a device to replace', code: '404 device.not_found' },
    body: (own, other) => tokenFor(own, { replaces_device_id: other.device_id }),
  },
  {
    ...{ id: 'tokens.create', what: 'groups', code: '404 group.not_found' },
    body: (own, other) => tokenFor(own, { group_ids: [own.group_id, other.group_id] }),
  },
  {
    ...{ id: 'members.update', what: 'groups', code: '400 request.invalid' },
    body: (own, other) => ({ role: 'operator', group_ids: [own.group_id, other.group_id] }),
  },
  { ...{ id: 'metrics.query', what: 'devices', code: '404 device.not_found' }, query: devicesOf },
  { ...{ id: 'metrics.export', what: 'devices', code: '404 device.not_found' }, query: devicesOf },
  { ...{ id: 'logs.search', what: 'devices', code: '404 device.not_found' }, query: devicesOf },
  { ...{ id: 'logs.export', what: 'devices', code: '404 device.not_found' }, query: devicesOf },
];

describe('a foreign object among own ones', () => {
  it.each(MIXED)('$id: $what', async ({ id, code, body, query }) => {
    const own = world.first.standing;
    const operation = operationOf(id);
    const { foreign, random } = await told((other) =>
      prober.probe(operation, principalOf('org admin'), aimOf(operation) === 'path' ? own : null, {
        ...(body === undefined ? {} : { body: body(own, other) }),
        ...(query === undefined ? {} : { query: query(own, other) }),
      }),
    );
    expect(`${foreign.status} ${codeOf(foreign)}`, foreign.text).toBe(code);
    expect(shownOf(foreign)).toEqual(shownOf(random));
  });

  it('decides on the own registration alone', async () => {
    const own = await world.first.fresh(['approval_id']);
    const results = async (other: string) => {
      const answer = await prober.probe(operationOf('approvals.reject'), principalOf('org admin'), null, {
        body: {
          ...{ organization_id: world.first.id, reason: 'test' },
          approval_ids: [own.approval_id, other],
        },
      });
      return answer.text.replaceAll(other, 'other');
    };
    const foreign = await results(world.second.standing.approval_id);
    expect(foreign).toContain('"decided":1,"failed":1');
    expect(foreign).toContain('approval.not_found');
    expect(await results(randomObjects().approval_id)).toBe(foreign);
    const { approval_id: id } = world.second.standing;
    expect((await stack.database.enrollmentRequests.find(null, id, new Date()))?.state).toBe('waiting');
  });

  it('checks no secret of another organisation', async () => {
    const names = async (other: string) => {
      const { secret_name: own } = world.first.standing;
      const answer = await prober.probe(
        operationOf('secrets.check'),
        principalOf('org admin'),
        world.first.standing,
        { body: { names: [own, other] } },
      );
      expect(answer.status).toBe(200);
      return answer.text.replaceAll(other, 'other');
    };
    expect(await names(world.second.standing.secret_name)).toBe(await names(randomObjects().secret_name));
  });
});
