/**
 * Bar of access: SQL injection in every text, sort, filter and cursor field of every route, against the real server and
 * database. No answer of 5xx, no row of another organisation, no statement asleep, nothing deleted. Pages of a list
 * stay whole while rows are added, and a cursor of another organisation is refused.
 * Four of the corpus per field, all of it over the fields; `--long`: all of it in each field.
 */
import pg from 'pg';
import { ROUTES, type Route, type RouteName } from '#web-api';
import { exampleOf, type SchemaNode } from '../../../web/server/docs/example.ts';
import { openWorld, type Principal, type World } from '../../integration/web-server/policy-world.ts';
import { type OpenSession, type RealStack, startRealStack } from '../../integration/web-server/real-stack.ts';
import { runBar } from '../../support/bar.ts';
import { startTestServer } from '../../support/database-server.ts';
import { INJECTIONS } from '../../support/injection-corpus.ts';

const PER_FIELD = process.argv.includes('--long') ? INJECTIONS.length : 4;
const PARALLEL = 4;
/** How often the server is asked whether a statement sleeps; the corpus sleeps for 3 s. */
const WATCH_MS = 250;
/** Sign-outs and changed passwords end what the next request needs. */
const ENDS_THE_SESSION: ReadonlySet<string> = new Set(['auth.logout', 'auth.password']);
const MAX_SHOWN = 20;
const PAGED_DEVICES = 40;
const PAGE = 7;

/** Of one request; others run beside it and use up what it waited for. */
const MOST_WAITS = 5;
let skewMs = 0;
/** Fewer means that the lists are empty, and nothing was tried. */
const LEAST_CURSORS = 5;

type Spot = {
  readonly route: RouteName;
  readonly part: 'params' | 'query' | 'body';
  readonly path: readonly string[];
};
interface Told {
  readonly faults: string[];
  sent: number;
  readonly statuses: Map<number, number>;
}

async function measure(stack: RealStack, sql: pg.Client) {
  const world = await openWorld(stack);
  const told: Told = { faults: [], sent: 0, statuses: new Map() };
  const watch = watchSleepers(sql);
  const before = await inventory(sql, world.second.id);
  const spots = (Object.keys(ROUTES) as RouteName[]).flatMap(spotsOf);
  const waiting = spots.flatMap((spot, index) =>
    Array.from({ length: PER_FIELD }, (_, turn) => ({
      spot,
      attack: INJECTIONS[(index * PER_FIELD + turn) % INJECTIONS.length] ?? '',
    })),
  );
  const admin = principal(world, 'org admin');
  const device = principal(world, 'device');
  const attackAll = async (some: typeof waiting): Promise<void> => {
    let session = await admin.session();
    for (let next = some.shift(); next !== undefined; next = some.shift()) {
      await attack(stack, world, next, { session, device }, told);
      if (ENDS_THE_SESSION.has(next.spot.route)) session = await admin.session();
    }
  };
  // What is throttled moves the clock on, past the end of sessions: last, one at a time.
  const throttled = waiting.filter(({ spot }) => isThrottled(spot.route));
  const others = waiting.filter(({ spot }) => !isThrottled(spot.route));
  await Promise.all(Array.from({ length: PARALLEL }, () => attackAll(others)));
  const after = await inventory(sql, world.second.id);
  if (after !== before)
    told.faults.push(`the other organisation or the tables changed: ${before} → ${after}`);
  const pages = await pagesStayWhole(stack, world, told);
  const cursors = await foreignCursorsAreRefused(stack, world, told);
  await attackAll(throttled);
  const asleep = await watch.stop();
  if (asleep > 0) told.faults.push(`${asleep} looks found a statement of ours asleep`);
  if (after !== before)
    told.faults.push(`the other organisation or the tables changed: ${before} → ${after}`);
  for (const fault of told.faults.toSorted().slice(0, MAX_SHOWN)) console.log(fault);
  const spread = [...told.statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
  console.log(
    `${spots.length} fields of ${new Set(spots.map(({ route }) => route)).size} routes, ${INJECTIONS.length} texts, ${told.sent} requests; ${spread.join(', ')}`,
  );
  console.log(
    `${pages} lists paged while rows came, ${cursors} foreign cursors refused, ${watch.looks()} looks for sleepers`,
  );
  return {
    name: 'injection',
    figure: `${told.faults.length} faults in ${told.sent} requests to ${spots.length} fields`,
    limit: '0',
    holds: told.faults.length === 0 && told.sent > 0 && pages > 0 && cursors >= LEAST_CURSORS,
  };
}
const isThrottled = (name: RouteName): boolean => ROUTES[name].auth === 'public' || name.startsWith('auth.');

/** Every place of a route's schemas that takes a text. */
function spotsOf(name: RouteName): Spot[] {
  const route: Route = ROUTES[name];
  // A stream never ends; its query is that of the lists.
  if (route.auth === 'certificate' || route.produces === 'text/event-stream') return [];
  return (['params', 'query', 'body'] as const).flatMap((part) =>
    textPaths(route[part] as SchemaNode | undefined).map((path) => ({ route: name, part, path })),
  );
}

function textPaths(schema: SchemaNode | undefined, path: readonly string[] = []): (readonly string[])[] {
  if (schema === undefined || path.length > 5) return [];
  if (schema.anyOf !== undefined) {
    const [first] = schema.anyOf.flatMap((branch) => textPaths(branch, path));
    return first === undefined ? [] : [first];
  }
  // Enumerations, cursors and numbers in an address are texts too until they are checked.
  if (schema.type === 'string' || schema.enum !== undefined || schema.const !== undefined) return [path];
  if (schema.type === 'array') return textPaths(schema.items, [...path, '0']);
  if (schema.type === 'object') {
    return Object.entries(schema.properties ?? {}).flatMap(([name, node]) =>
      textPaths(node, [...path, name]),
    );
  }
  return path.length === 1 ? [path] : [];
}

async function attack(
  stack: RealStack,
  world: World,
  { spot, attack: text }: { readonly spot: Spot; readonly attack: string },
  by: { readonly session: OpenSession | null; readonly device: Principal },
  told: Told,
): Promise<void> {
  const route: Route = ROUTES[spot.route];
  const ids: Readonly<Record<string, string>> = {
    ...world.first.standing,
    name: world.first.standing.metric_type,
  };
  const params = spot.part === 'params' ? { [spot.path[0] ?? '']: text } : {};
  const address = route.path.replaceAll(/:([a-z_]+)/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ids[name] ?? '1'),
  );
  const query = new URLSearchParams();
  for (const name of route.query?.required ?? [])
    query.set(name, ids[name] ?? String(exampleOf(route.query?.properties?.[name] as SchemaNode)));
  if (spot.part === 'query') query.set(spot.path[0] ?? '', text);
  const body = route.body === undefined ? undefined : withIds(exampleOf(route.body as SchemaNode), ids);
  const bent = spot.part === 'body' ? bend(body, spot.path, text) : body;
  const send = () =>
    stack.web.call(`${stack.web.httpUrl}${address}${query.size === 0 ? '' : `?${query}`}`, {
      method: route.method,
      headers: headersOf(route, by),
      ...(bent === undefined ? {} : { body: bent }),
    });
  let answer = await send();
  // Throttles count minutes of the control plane's clock, which is ours.
  for (let turn = 0; answer.status === 429 && turn < MOST_WAITS; turn += 1) {
    skewMs += (Number(answer.headers['retry-after'] ?? 60) + 1) * 1000;
    answer = await send();
  }
  told.sent += 1;
  told.statuses.set(answer.status, (told.statuses.get(answer.status) ?? 0) + 1);
  const place = `${spot.route} ${spot.part}.${spot.path.join('.')} = ${JSON.stringify(text)}`;
  if (answer.status >= 500) told.faults.push(`${answer.status}: ${place}: ${answer.text.slice(0, 200)}`);
  if (answer.status === 429) told.faults.push(`limited, so not tried: ${place}`);
  const foreign = [world.second.id, ...Object.values(world.second.standing)].find((mark) =>
    answer.text.includes(mark),
  );
  if (foreign !== undefined) told.faults.push(`shows ${foreign}: ${place}`);
}

const headersOf = (route: Route, { session, device }: { session: OpenSession | null; device: Principal }) =>
  route.auth === 'device'
    ? { authorization: `Bearer ${device.device?.jwt}` }
    : session === null || route.auth === 'public'
      ? {}
      : { cookie: session.cookie, ...(route.method === 'GET' ? {} : { 'x-csrf-token': session.csrfToken }) };

/** Ids of objects that there are, where the body has a field of that name. */
function withIds(value: unknown, ids: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(value)) return value.map((item) => withIds(item, ids));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      name === 'name' ? inner : (ids[name] ?? withIds(inner, ids)),
    ]),
  );
}

/** The same value with `text` at one place. Pure. */
function bend(value: unknown, [name, ...rest]: readonly string[], text: string): unknown {
  if (name === undefined) return text;
  if (name === '0') return [bend(Array.isArray(value) ? value[0] : undefined, rest, text)];
  const object = typeof value === 'object' && value !== null ? value : {};
  return { ...object, [name]: bend((object as Record<string, unknown>)[name], rest, text) };
}

function watchSleepers(sql: pg.Client) {
  let looks = 0;
  let asleep = 0;
  let looking: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(async () => {
      const { rows } = await sql.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
      );
      looks += 1;
      asleep += rows[0]?.n ?? 0;
    });
  }, WATCH_MS);
  return {
    looks: () => looks,
    async stop() {
      clearInterval(timer);
      await looking;
      return asleep;
    },
  };
}

/** What must be there afterwards as before: the tables, and all of the other organisation. */
async function inventory(sql: pg.Client, orgId: string): Promise<string> {
  const { rows } = await sql.query<{ text: string }>(
    `SELECT concat_ws(' ', (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition),
       (SELECT md5(string_agg(d::text, '|' ORDER BY id)) FROM edge_devices d WHERE organization_id = $1),
       (SELECT md5(string_agg(m::text, '|' ORDER BY user_id)) FROM memberships m WHERE organization_id = $1),
       (SELECT count(*) FROM registration_tokens WHERE organization_id = $1),
       (SELECT count(*) FROM audit_log WHERE organization_id = $1),
       (SELECT count(*) FROM users WHERE is_system_admin)) AS text`,
    [orgId],
  );
  return rows[0]?.text ?? '';
}

/** Each row that was there at the beginning once, whatever comes before, between and after. @returns lists tried */
async function pagesStayWhole(stack: RealStack, world: World, told: Told): Promise<number> {
  const admin = await principal(world, 'org admin').session();
  const add = (name: string) =>
    stack.database.devices.create(world.first.id, { name, type: 'gateway', hardwareId: `paged ${name}` });
  for (let index = 0; index < PAGED_DEVICES; index += 1) await add(`paged ${index}-a`);
  const sorts = ['device_name', '-device_name', 'created_at', '-created_at', 'status', 'last_seen'];
  for (const [turn, sort] of sorts.entries()) {
    const base = `${stack.web.httpUrl}/api/v1/admin/edge/devices?org_id=${world.first.id}&sort=${sort}`;
    const there = await idsOf(stack, `${base}&page_size=100`, admin);
    const seen: string[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < 50; page += 1) {
      const answer = await list(
        stack,
        `${base}&page_size=${PAGE}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
        admin,
      );
      seen.push(...answer.ids);
      await add(`paged ${page % PAGED_DEVICES}-${turn}`);
      await add(`zz ${turn} ${page}`);
      cursor = answer.next;
      if (cursor === null) break;
    }
    const twice = seen.length - new Set(seen).size;
    const lost = there.filter((id) => !seen.includes(id)).length;
    if (twice > 0 || lost > 0 || there.length < PAGED_DEVICES) {
      told.faults.push(`pages by ${sort}: ${twice} rows twice, ${lost} of ${there.length} lost`);
    }
  }
  return sorts.length;
}

/** By the other organisation's admin, and by a system admin for the other organisation. @returns cursors tried */
async function foreignCursorsAreRefused(stack: RealStack, world: World, told: Told): Promise<number> {
  for (let more = 0; more < 2; more += 1) await Promise.all([world.first.fresh(), world.second.fresh()]);
  const ours = await principal(world, 'org admin').session();
  const theirs = await principal(world, 'other-org admin').session();
  const system = await principal(world, 'system admin').session();
  let tried = 0;
  for (const name of Object.keys(ROUTES) as RouteName[]) {
    const route: Route = ROUTES[name];
    if (route.method !== 'GET' || route.query?.properties.cursor === undefined) continue;
    const hasOrg = route.query.properties.org_id !== undefined;
    const at = (of: World['first'], cursor?: string): string => {
      const path = route.path.replaceAll(
        /:([a-z_]+)/g,
        (_, id: string) => ({ ...of.standing, name: '' })[id as 'device_id'] ?? of.id,
      );
      const query = new URLSearchParams({ page_size: '1', ...(hasOrg ? { org_id: of.id } : {}) });
      if (cursor !== undefined) query.set('cursor', cursor);
      return `${stack.web.httpUrl}${path}?${query}`;
    };
    const { next } = await list(stack, at(world.second), theirs);
    if (next === null) continue;
    for (const [who, session] of [
      ['the other admin', ours],
      ['a system admin', system],
    ] as const) {
      const answer = await stack.web.call(at(world.first, next), {
        headers: { cookie: session?.cookie ?? '' },
      });
      tried += 1;
      if (answer.status < 400 || answer.status >= 500) {
        told.faults.push(`${name}: a foreign cursor by ${who} is answered with ${answer.status}`);
      }
    }
  }
  return tried;
}

interface Item {
  readonly id?: string;
  readonly device_id?: string;
}

async function list(
  stack: RealStack,
  url: string,
  session: OpenSession | null,
): Promise<{ ids: string[]; next: string | null }> {
  const answer = await stack.web.call(url, { headers: { cookie: session?.cookie ?? '' } });
  const {
    devices,
    items = devices,
    next_cursor: next = null,
    pagination,
  } = answer.json() as {
    items?: Item[];
    devices?: Item[];
    next_cursor?: string | null;
    pagination?: { next_cursor?: string | null };
  };
  return {
    ids: (items ?? []).map(({ id, device_id = '' }) => id ?? device_id),
    next: next ?? pagination?.next_cursor ?? null,
  };
}
const idsOf = async (stack: RealStack, url: string, session: OpenSession | null): Promise<string[]> =>
  (await list(stack, url, session)).ids;

function principal(world: World, name: Principal['name']): Principal {
  const found = world.principals.find((one) => one.name === name);
  if (found === undefined) throw new Error(`nobody is ${name}`);
  return found;
}

await runBar(async () => {
  const server = await startTestServer();
  const stack = await startRealStack({ controlPlane: { now: () => new Date(Date.now() + skewMs) } });
  const sql = new pg.Client({ connectionString: stack.databaseUrl });
  await sql.connect();
  try {
    return await measure(stack, sql);
  } finally {
    await sql.end();
    await stack.stop();
    await server.stop();
  }
});
