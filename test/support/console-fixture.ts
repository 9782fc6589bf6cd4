/**
 * A web server that speaks the HTTP contract from memory, for the console's own states: loading, empty, error, offline.
 * Journeys run against the real server; this one only lets a test decide what the server says.
 */
import { createReadStream, existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join, resolve } from 'node:path';
import type { ApprovalView, DeviceView, LiveEvent, Me, TokenView } from '#web-api';
import { type DeviceStatus, ROUTES, type RouteName } from '#web-api';
import { type AccessState, accessAnswers, accessState } from './console-access-answers.ts';
import { type CredentialState, credentialAnswers, credentialState } from './console-credential-answers.ts';
import * as data from './console-data.ts';
import { approvals, enrolmentAnswers } from './console-enrolment-answers.ts';
import { secretAnswers } from './console-secret-answers.ts';
import { type TelemetryState, telemetryAnswers, telemetryState } from './console-telemetry-answers.ts';

const DIST = resolve(import.meta.dirname, '../../web/client/dist');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
/** The policy of the real server, with Trusted Types on top, under which the console must also run. */
export const CONSOLE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' data:; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html default";

export interface ConsoleFixture {
  readonly url: string;
  readonly devices: Map<string, DeviceView>;
  readonly tokens: TokenView[];
  readonly approvals: ApprovalView[];
  /** Who the session cookie stands for; null = signed out. */
  me: Me | null;
  /** Requests so far, newest last. */
  readonly requests: { readonly route: RouteName; readonly address: string; readonly body: unknown }[];
  /** The next answers of this route are this error, until `heal`. */
  fail(
    route: RouteName,
    status: number,
    code: string,
    detail: string,
    errors?: { path: string; message: string }[],
  ): void;
  heal(): void;
  /** Holds the answers of this route back until the returned function is called. */
  hold(route: RouteName): () => void;
  emit(event: LiveEvent): void;
  /** What is stored of logs, dead letters and settings. */
  readonly telemetry: TelemetryState;
  /** What is stored of people, groups, organisations, security, certificates and the audit log. */
  readonly access: AccessState;
  readonly credentials: CredentialState;
  /** Sends to everybody who looks at a device live. */
  emitWatch(
    update: { readonly kind: 'logs' | 'metrics' | 'state' } & Readonly<Record<string, unknown>>,
  ): void;
  /** Open live views of devices. */
  readonly watchers: ReadonlySet<ServerResponse>;
  setStatus(deviceId: string, status: DeviceStatus): void;
  /** Ends every stream and refuses new connections, or takes them again. */
  setDown(isDown: boolean): void;
  stop(): Promise<void>;
}

interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}
type Answer = { readonly status: number; readonly body?: unknown };

export async function startConsoleFixture(options: {
  devices: number;
  me?: Me | null;
}): Promise<ConsoleFixture> {
  const nowMs = Date.now();
  const devices = new Map<string, DeviceView>(
    Array.from({ length: options.devices }, (_, index) => data.deviceAt(index, nowMs)).map((device) => [
      device.id,
      device,
    ]),
  );
  const tokens = data.tokens(nowMs);
  const streams = new Set<ServerResponse>();
  const watchers = new Set<ServerResponse>();
  const telemetry = telemetryState(nowMs);
  const access = accessState(nowMs);
  const credentials = credentialState(nowMs);
  const failures = new Map<RouteName, Answer>();
  const held = new Map<RouteName, Promise<void>>();
  const requests: ConsoleFixture['requests'] = [];
  let isDown = false;

  const routes = Object.entries(ROUTES).map(([name, route]) => ({
    name: name as RouteName,
    method: route.method,
    expression: new RegExp(
      `^${route.path.replaceAll(/:([a-z_]+)/g, (_, key: string) => `(?<${key}>[^/]+)`)}$`,
    ),
  }));

  const fixture: Omit<ConsoleFixture, 'url'> = {
    devices,
    tokens,
    approvals: approvals(nowMs),
    telemetry,
    access,
    credentials,
    watchers,
    emitWatch(update) {
      for (const stream of watchers)
        stream.write(`event: ${update.kind}\ndata: ${JSON.stringify(update)}\n\n`);
    },
    me: options.me === undefined ? data.administrator(nowMs) : options.me,
    requests,
    fail: (route, status, code, detail, errors) => {
      failures.set(route, {
        status,
        body: {
          type: `/api/docs/errors#${code}`,
          title: detail,
          status,
          code,
          detail,
          instance: 'req-fixture',
          errors,
        },
      });
    },
    heal: () => failures.clear(),
    hold(route) {
      const { promise, resolve: release } = Promise.withResolvers<void>();
      held.set(route, promise);
      return () => {
        held.delete(route);
        release();
      };
    },
    emit(event) {
      for (const stream of streams) stream.write(`event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
    },
    setStatus(deviceId, status) {
      const device = devices.get(deviceId);
      if (device === undefined) throw new RangeError(`no device ${deviceId}`);
      const observation = status === 'maintenance' || status === 'disabled' ? device.observation : status;
      const at = data.iso(Date.now());
      devices.set(deviceId, {
        ...device,
        status,
        observation,
        last_seen: status === 'online' ? at : device.last_seen,
      });
      fixture.emit({
        kind: 'device.changed',
        organization_id: device.organization_id,
        device_id: deviceId,
        at,
        status,
        observation,
      });
    },
    setDown(next) {
      isDown = next;
      if (next) {
        for (const stream of [...streams, ...watchers]) stream.destroy();
        server.closeAllConnections();
      }
    },
    async stop() {
      for (const stream of [...streams, ...watchers]) stream.destroy();
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };

  const handlers = {
    ...answers(fixture, nowMs),
    ...secretAnswers(nowMs),
    ...enrolmentAnswers(fixture.approvals, devices, access.claimCodes, nowMs),
    ...accessAnswers(access, devices, nowMs),
    ...credentialAnswers(credentials, nowMs),
    ...telemetryAnswers(telemetry, devices, nowMs),
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = new URL(request.url ?? '/', 'http://fixture');
    if (!address.pathname.startsWith('/api/')) return sendFile(address.pathname, response);
    const route = routes.find(
      ({ method, expression }) => method === request.method && expression.test(address.pathname),
    );
    if (route === undefined) return sendJson(response, problem(404, 'route.not_found'));
    const body = await readBody(request);
    requests.push({ route: route.name, address: `${address.pathname}${address.search}`, body });
    await held.get(route.name);
    if (ROUTES[route.name].auth === 'session' && fixture.me === null)
      return sendJson(response, problem(401, 'auth.required'));
    if (route.name === 'devices.events') return openStream(response, streams);
    if (route.name === 'live.stream' && !failures.has('live.stream')) return openStream(response, watchers);
    const call = {
      params: route.expression.exec(address.pathname)?.groups ?? {},
      query: address.searchParams,
      body,
    };
    sendJson(
      response,
      failures.get(route.name) ?? handlers[route.name]?.(call) ?? problem(404, 'route.not_found'),
    );
  }

  function openStream(response: ServerResponse, kept: Set<ServerResponse>): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(': open\n\n');
    kept.add(response);
    response.on('close', () => kept.delete(response));
  }

  const server: Server = createServer((request, response) => {
    if (isDown) {
      request.socket.destroy();
      return;
    }
    void answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the fixture has no port');
  return Object.assign(fixture, { url: `http://127.0.0.1:${bound.port}` });
}

const problem = (status: number, code: string): Answer => ({
  status,
  body: { type: 'about:blank', title: code, status, code, instance: 'req-fixture' },
});
const ok = (body: unknown): Answer => ({ status: 200, body });
const pageOf = (items: readonly unknown[]): Answer => ok({ items, total: items.length, next_cursor: null });

function answers(
  fixture: Omit<ConsoleFixture, 'url'>,
  nowMs: number,
): Partial<Record<RouteName, (call: Call) => Answer>> {
  const { devices, tokens } = fixture;
  const { organizations, groupDevices } = fixture.access;
  const byOrganization = <T extends { organization_id: string | null }>(
    items: readonly T[],
    call: Call,
  ): readonly T[] => {
    const orgId = call.query.get('org_id');
    return items.filter((item) => orgId === null || item.organization_id === orgId);
  };
  const known = (call: Call, use: (device: DeviceView) => Answer): Answer => {
    const device = devices.get(call.params.device_id ?? '');
    return device === undefined ? problem(404, 'device.not_found') : use(device);
  };
  return {
    'auth.me': () => (fixture.me === null ? problem(401, 'auth.required') : ok(fixture.me)),
    'auth.methods': () => ok({ password: true, oidc: null }),
    'auth.login': (call) => {
      if (call.body.password !== 'correct horse battery') return problem(401, 'auth.invalid_credentials');
      fixture.me ??= data.administrator(nowMs);
      return ok(fixture.me);
    },
    'auth.logout': () => {
      fixture.me = null;
      return { status: 204 };
    },
    'oidc.logout': () => {
      fixture.me = null;
      return ok({ logout_url: null });
    },
    'auth.password': () => {
      if (fixture.me !== null) fixture.me = { ...fixture.me, must_change_password: false };
      return { status: 204 };
    },
    'organizations.list': () =>
      pageOf(fixture.me?.is_system_admin ? organizations : organizations.slice(0, 1)),
    'organizations.create': (call) => {
      const created = {
        id: data.uuidOf(1, organizations.length + 1),
        slug: String(call.body.slug),
        name: String(call.body.name),
        created_at: data.iso(nowMs),
        device_count: 0,
        state: 'active' as const,
        suspended_at: null,
        suspension_reason: null,
        delete_after: null,
      };
      organizations.push(created);
      return { status: 201, body: created };
    },
    'devices.list': (call) => {
      const groupId = call.query.get('group_id');
      const found = byOrganization([...devices.values()], call).filter(
        ({ id }) => groupId === null || groupDevices.get(groupId)?.has(id) === true,
      );
      return listDevices([...found], call.query);
    },
    'devices.summary': (call) => ok(summaryOf(byOrganization([...devices.values()], call))),
    'devices.get': (call) =>
      known(call, (device) => {
        const own = fixture.access.groups.filter(({ id }) => groupDevices.get(id)?.has(device.id) === true);
        return ok({ ...data.detailOf(device, nowMs), groups: own.map(({ id, name }) => ({ id, name })) });
      }),
    'devices.update': (call) =>
      known(call, (device) => {
        const { device_name, status, tags } = call.body;
        const changed: DeviceView = {
          ...device,
          ...(typeof device_name === 'string' ? { device_name } : {}),
          ...(Array.isArray(tags) ? { tags: tags.map(String) } : {}),
          ...(status === 'maintenance' ? { status: 'maintenance', intent: 'maintenance' } : {}),
          ...(status === 'active' ? { status: device.observation, intent: 'active' } : {}),
        };
        devices.set(device.id, changed);
        return ok(changed);
      }),
    'devices.delete': (call) =>
      known(call, (device) => {
        devices.delete(device.id);
        return { status: 204 };
      }),
    'devices.revoke': (call) => known(call, () => ok({ revoked: 1 })),
    'devices.presence': (call) =>
      known(call, () => {
        const [from, to] = [call.query.get('from') ?? '', call.query.get('to') ?? '9999'];
        return pageOf(
          data
            .presenceOf(nowMs)
            .filter(({ at }) => at >= from && at <= to)
            .slice(0, Number(call.query.get('page_size') ?? 50)),
        );
      }),
    'devices.import': (call) => importDevices(call),
    'refusals.list': () =>
      pageOf([
        {
          at: data.iso(nowMs - 400_000),
          device_id: data.uuidOf(3, 1),
          reason: 'publish.topic',
          detail: 'edge/v1/other/x/up/heartbeat',
          count: 3,
        },
      ]),
    'tokens.list': (call) => pageOf(byOrganization(tokens, call)),
    'tokens.get': (call) => {
      const token = tokens.find(({ id }) => id === call.params.token_id);
      return token === undefined ? problem(404, 'token.not_found') : ok(token);
    },
    'tokens.create': (call) => {
      const [template] = data.tokens(nowMs);
      if (template === undefined) throw new Error('the fixture has no token');
      const created: TokenView = {
        ...template,
        id: data.uuidOf(4, tokens.length + 1),
        name: String(call.body.name ?? 'token'),
        uses: 0,
        max_uses: Number(call.body.max_uses ?? 1),
        last_device: null,
      };
      tokens.unshift(created);
      const token = 'oce_k3v9Qm2xT7bLw8ZpR4cY6dNf';
      return {
        status: 201,
        body: {
          ...created,
          token,
          install_command: `curl -fsSLk --pinnedpubkey 'sha256//pX0c3…' https://edge.acme.example:8443/install_edge_agent.sh -o install_edge_agent.sh && $(command -v sudo) bash install_edge_agent.sh ${token}`,
        },
      };
    },
    'tokens.revoke': (call) => {
      const index = tokens.findIndex(({ id }) => id === call.params.token_id);
      const token = tokens[index];
      if (token !== undefined) tokens[index] = { ...token, state: 'revoked' };
      return { status: 204 };
    },
    'integrators.list': (call) => pageOf(byOrganization(data.integrators(nowMs), call)),
    'integrators.create': (call) => ({
      status: 201,
      body: {
        ...data.integrators(nowMs)[0],
        name: String(call.body.name),
        client_id: `acme/integrations/${String(call.body.name)}`,
        certificate_chain: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
        ca_certificate: '-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n',
        private_key: '-----BEGIN PRIVATE KEY-----\nMIID\n-----END PRIVATE KEY-----\n',
        pkcs12_base64: 'MIIE',
        pkcs12_password: 'wide-amber-lantern-42',
        mqtt_url: 'mqtts://edge.acme.example:8883',
        topic_filter: 'edge/v1/acme/#',
      },
    }),
    'integrators.delete': () => ({ status: 204 }),
  };
}

/** Filters, order and cursor as the contract has them; the cursor is the next index. */
function listDevices(devices: DeviceView[], query: URLSearchParams): Answer {
  const [status, type, search] = [query.get('status'), query.get('type'), query.get('search')?.toLowerCase()];
  const sort = query.get('sort') ?? 'device_name';
  const field = sort.replace('-', '');
  const keyOf = (device: DeviceView): string =>
    field === 'last_seen'
      ? (device.last_seen ?? '')
      : field === 'status'
        ? device.status
        : device.device_name;
  const found = devices
    .filter(
      (device) =>
        (status === null || device.status === status) &&
        (type === null || device.device_type === type) &&
        (search === undefined ||
          [device.device_name, device.hardware_id, ...device.tags].some((text) => text.includes(search))),
    )
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1) * (sort.startsWith('-') ? -1 : 1));
  const start = Number(query.get('cursor') ?? 0);
  const end = start + Number(query.get('page_size') ?? 50);
  return ok({
    items: found.slice(start, end),
    total: found.length,
    next_cursor: end < found.length ? String(end) : null,
  });
}

function summaryOf(devices: readonly DeviceView[]) {
  const tally = (keyOf: (device: DeviceView) => string) => {
    const counts: Record<string, number> = {};
    for (const device of devices) counts[keyOf(device)] = (counts[keyOf(device)] ?? 0) + 1;
    return counts;
  };
  return {
    total: devices.length,
    by_status: tally(({ status }) => status),
    by_type: tally(({ device_type }) => device_type),
  };
}

function importDevices(call: Call): Answer {
  const rows = Array.isArray(call.body.devices) ? call.body.devices : [];
  const results = rows.map((row: unknown, index) => {
    const isGood = /"(uc1-pro|gateway)"/.test(JSON.stringify(row));
    return {
      row: index + 1,
      ok: isGood,
      outcome: isGood ? 'created' : 'failed',
      device_id: null,
      error: isGood ? null : 'request.invalid',
      detail: isGood ? null : 'device_type: must be uc1-pro, gateway or custom',
      token: isGood && call.body.issue === 'tokens' ? `oce_k3v9Qm2x_${index}` : null,
      claim_code: null,
    };
  });
  const created = results.filter((result) => result.ok).length;
  return ok({ created, unchanged: 0, failed: results.length - created, rows: results });
}

async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const value: unknown = text === '' ? {} : JSON.parse(text);
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function sendJson(response: ServerResponse, { status, body }: Answer): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, body === undefined ? {} : { 'content-type': type });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

/** The built console; every address without a file is its index, as single-page consoles need. */
function sendFile(path: string, response: ServerResponse): void {
  const asked = join(DIST, path);
  const file =
    extname(path) !== '' && asked.startsWith(DIST) && existsSync(asked) ? asked : join(DIST, 'index.html');
  response.writeHead(200, {
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    'content-security-policy': CONSOLE_CSP,
    'cache-control': 'no-store',
  });
  createReadStream(file).pipe(response);
}
