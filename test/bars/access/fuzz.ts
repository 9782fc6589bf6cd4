/**
 * Bar: requests made from the contract's schemas and bent in every place, by every kind of caller, against the real
 * server and database: no answer of 5xx, none that the OpenAPI document does not name, none that shows a stack.
 * Every second batch is tidy and by an admin, so that it reaches the work behind the checks.
 * 20,000 requests, 4,000 in a quick run of bars; `--long`: 1,000,000; `--requests=N`, `--seed=N`, `--only=route.name`.
 */
import { Agent, request as httpRequest } from 'node:http';
import fc from 'fast-check';
import { ROUTES, type Route, type RouteName } from '#web-api';
import { buildOpenApi } from '../../../web/server/docs/openapi.ts';
import {
  openWorld,
  PASSWORD,
  type Principal,
  type World,
} from '../../integration/web-server/policy-world.ts';
import { type RealStack, startRealStack } from '../../integration/web-server/real-stack.ts';
import { runBar } from '../../support/bar.ts';
import { startTestServer } from '../../support/database-server.ts';
import { type FuzzRequest, requestTo } from '../../support/fuzz-requests.ts';
import type { KnownValues } from '../../support/fuzz-values.ts';

const option = (name: string): string | undefined =>
  process.argv.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
const REQUESTS = Number(
  option('requests') ??
    (process.argv.includes('--long') ? 1_000_000 : process.env.BARS_QUICK === '1' ? 4000 : 20_000),
);
const SEED = Number(option('seed') ?? 4);
const ONLY = option('only');
/** A world wears out: sessions end, people and organisations go. */
const PER_WORLD = 4000;
/** To one route by one caller with the same ids. */
const PER_BATCH = 25;
const PARALLEL = 6;
const MAX_SHOWN = 25;
const ANSWER_LIMIT_MS = 20_000;
const TRACE =
  /\n\s+at |node_modules|\.ts:\d+|node:internal|DatabaseError|relation "|syntax error at|violates |drizzle|pg_catalog/;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const documented = documentedStatuses();
const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
const statuses = new Map<number, number>();
const faults = new Map<string, string>();

await runBar(async () => {
  const server = await startTestServer();
  const startedAt = performance.now();
  let sent = 0;
  try {
    for (let round = 0; sent < REQUESTS; round += 1) {
      const stack = await startRealStack();
      try {
        sent += await fuzzWorld(stack, await openWorld(stack), round, Math.min(PER_WORLD, REQUESTS - sent));
      } finally {
        await stack.stop();
      }
    }
  } finally {
    agent.destroy();
    await server.stop();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const spread = [...statuses]
    .sort(([left], [right]) => left - right)
    .map(([status, count]) => `${status}: ${count}`);
  console.log(
    `${sent} requests in ${seconds.toFixed(0)} s (${(sent / seconds).toFixed(0)}/s); ${spread.join(', ')}`,
  );
  for (const [fault, example] of [...faults].slice(0, MAX_SHOWN)) console.log(`${fault}\n  ${example}`);
  return {
    name: 'access-fuzz',
    figure: `${faults.size} kinds of wrong answers in ${sent} requests to ${Object.keys(ROUTES).length} routes`,
    limit: '0',
    holds: faults.size === 0,
  };
});

async function fuzzWorld(stack: RealStack, world: World, round: number, count: number): Promise<number> {
  const names = (Object.keys(ROUTES) as RouteName[]).filter((name) => ONLY === undefined || name === ONLY);
  let sent = 0;
  for (let batch = 0; sent < count; batch += 1) {
    const name = names[batch % names.length] ?? 'auth.me';
    const route: Route = ROUTES[name];
    const turn = Math.floor(batch / names.length) + round;
    const isTidy = (batch + turn) % 2 === 0;
    const caller = callerOf(world, route, turn, isTidy);
    const known = await knownValues(world, caller, isTidy);
    const requests = fc.sample(requestTo(route, { known, isTidy }), {
      numRuns: PER_BATCH,
      seed: SEED + round * 100_003 + batch,
    });
    const headers = await headersOf(caller, route);
    const waiting = requests.map((one) => ({ ...one, headers: { ...headers, ...one.headers } }));
    await Promise.all(
      Array.from({ length: PARALLEL }, async () => {
        for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
          await probe(stack, name, caller, next);
      }),
    );
    sent += requests.length;
  }
  return sent;
}

/** Those whom a route is for come often, the others now and then. */
function callerOf(world: World, route: Route, turn: number, isTidy: boolean): Principal {
  const fitting = world.principals.filter(({ device, person }) =>
    route.auth === 'device' || route.auth === 'certificate' ? device !== null : person !== null,
  );
  const admins = fitting.filter(({ name }) => name === 'system admin' || name === 'org admin');
  const able = admins.length > 0 ? admins : fitting;
  const callers = isTidy ? able : turn % 4 === 3 ? world.principals : fitting;
  const chosen = callers[turn % callers.length] ?? world.principals[0];
  if (chosen === undefined) throw new Error('nobody there');
  return chosen;
}

async function knownValues(world: World, { home, device }: Principal, isTidy: boolean): Promise<KnownValues> {
  const [own, foreign] = home === 'first' ? [world.first, world.second] : [world.second, world.first];
  const [fresh, random] = [await own.fresh(), world.random()];
  const names = Object.keys(own.standing) as (keyof typeof fresh)[];
  const ids = Object.fromEntries(
    names.map((name) => [
      name,
      [
        ...[fresh[name], fresh[name], own.standing[name]],
        ...(isTidy ? [] : [foreign.standing[name], random[name]]),
      ],
    ]),
  );
  return {
    ...ids,
    ...(device === null ? {} : { device_id: [device.deviceId, device.deviceId, foreign.standing.device_id] }),
    org_id: ids.organization_id ?? [],
    replaces_device_id: ids.device_id ?? [],
    name: [fresh.metric_type, 'name', 'Ada'],
    entry_id: ['1', '2', '999999999999999999'],
    current_password: [PASSWORD],
    registration_token: [await own.registrationToken()],
    from: ['2026-11-23T05:00:00Z'],
    to: ['2026-11-23T06:00:00Z'],
  };
}

async function headersOf(caller: Principal, route: Route): Promise<Record<string, string>> {
  const session = await caller.session();
  return {
    ...(session === null ? {} : { cookie: session.cookie }),
    ...(session === null || route.method === 'GET' ? {} : { 'x-csrf-token': session.csrfToken }),
    ...(caller.device === null ? {} : { authorization: `Bearer ${caller.device.jwt}` }),
  };
}

async function probe(stack: RealStack, name: RouteName, caller: Principal, one: FuzzRequest): Promise<void> {
  const place = `${one.method} ${one.path.slice(0, 600)} as ${caller.name}, ${JSON.stringify(one.headers).slice(0, 300)}, body ${one.body?.toString('latin1').slice(0, 400)}`;
  const note = (fault: string, detail = ''): void => {
    const key = `${name}: ${fault}`;
    if (!faults.has(key)) faults.set(key, `${place}${detail === '' ? '' : `\n  → ${detail.slice(0, 400)}`}`);
  };
  let answer: Answer | null;
  try {
    answer = await send(stack.web.server.httpPort ?? 0, one);
  } catch (error) {
    return note(`no answer: ${error instanceof Error ? error.message : String(error)}`, lastError(stack));
  }
  if (answer === null) return;
  const { status, text, type } = answer;
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
  if (status >= 500) note(`answers ${status}`, `${text} ${lastError(stack)}`);
  else if (!documented.get(name)?.has(status)) note(`answers ${status}, which is not documented`, text);
  if (status >= 400 && !type.startsWith('application/problem+json'))
    note(`${status} is no problem+json`, `${type} ${text}`);
  if (TRACE.test(text)) note('shows what is inside', text);
}

/** What the server logged last: with one fault at a time, its reason. */
function lastError({ web }: RealStack): string {
  const line = web.lines.findLast(({ message }) => message === 'request failed unexpectedly');
  const error: unknown =
    line === undefined ? undefined : Object.entries(line.fields).find(([key]) => key === 'err')?.[1];
  const cause = error instanceof Error && error.cause instanceof Error ? ` ← ${error.cause.message}` : '';
  return error instanceof Error
    ? `${error.message}${cause} ${error.stack?.split('\n').slice(1, 4).join(' ')}`
    : '';
}

/** Null where the client itself refuses to send it. */
function send(port: number, { method, path, headers, body }: FuzzRequest): Promise<Answer | null> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      method,
      path,
      agent,
      headers: { ...headers, ...lengthOf(body, method) },
    };
    let request: ReturnType<typeof httpRequest>;
    try {
      request = httpRequest(options);
    } catch {
      return resolve(null);
    }
    request.setTimeout(ANSWER_LIMIT_MS, () =>
      request.destroy(new Error(`nothing within ${ANSWER_LIMIT_MS} ms`)),
    );
    request.once('error', reject);
    request.once('response', (response) => {
      const [status, type] = [response.statusCode ?? 0, response.headers['content-type'] ?? ''];
      const chunks: Buffer[] = [];
      if (type.startsWith('text/event-stream')) {
        request.off('error', reject).on('error', () => undefined);
        request.destroy();
        return resolve({ status, type, text: '' });
      }
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => resolve({ status, type, text: Buffer.concat(chunks).toString() }));
    });
    request.end(body ?? undefined);
  });
}

/** A GET has no body; every other method says that it has none. */
function lengthOf(body: Buffer | null, method: string): Record<string, string> {
  if (body !== null) return { 'content-length': String(body.length) };
  return method === 'GET' ? {} : { 'content-length': '0' };
}

function documentedStatuses(): ReadonlyMap<string, ReadonlySet<number>> {
  const { paths } = buildOpenApi('0');
  return new Map(
    Object.values(paths)
      .flatMap((methods) => Object.values(methods))
      .map(({ operationId, responses }) => [operationId, new Set(Object.keys(responses).map(Number))]),
  );
}
