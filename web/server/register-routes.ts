/** The one place where rows of the HTTP contract become routes: authentication, schemas, handler, serialisation. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ControlPlane, DeviceCaller, Person } from '#control-plane';
import { ROUTES, type Route, type RouteName } from '#web-api';
import { type AuthenticateDeps, authenticate, type CallerOf, originOf } from './authenticate.ts';
import { checkBody, LARGE_BODY_LIMIT_BYTES } from './bodies.ts';
import type { Call, Handlers, JsonRouteName, SessionCookie, StreamRouteName } from './call.ts';
import { earlyRefusals } from './early-refusals.ts';
import { convertQuery } from './query-string.ts';
import { sessionCookieName, sessionCookieOptions } from './session-cookie.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before the body is read; null on public routes. */
    caller: Person | DeviceCaller | null;
  }
}

/** Writes its own answer, for as long as it likes: it takes the reply from the framework, unless it throws before. */
export type StreamHandler<N extends StreamRouteName> = (
  call: Omit<Call<N>, 'session'>,
  request: FastifyRequest,
  reply: FastifyReply,
) => Promise<void>;
export type StreamHandlers = { readonly [N in StreamRouteName]: StreamHandler<N> };

export interface RegisterDeps extends AuthenticateDeps {
  readonly controlPlane: ControlPlane;
}

/** Rows whose bodies are batches. */
const LARGE_BODIES: readonly RouteName[] = [
  'devices.import',
  'device.metrics',
  'device.logs',
  'device.events',
];
/** Rows that also take CSV. */
const CSV_BODIES: readonly RouteName[] = ['devices.import'];
/** Rows that take a form alone, as a standard of others has it. */
const FORM_BODIES: readonly RouteName[] = ['oidc.backchannel_logout'];

/** @throws Error where rows and handlers are not the same set. */
export function registerRoutes(
  app: FastifyInstance,
  deps: RegisterDeps,
  handlers: Handlers,
  streams: StreamHandlers,
): void {
  checkComplete([...Object.keys(handlers), ...Object.keys(streams)]);
  app.decorateRequest('caller', null);
  app.decorateRequest('reachedUseCase', false);
  for (const name of Object.keys(handlers) as JsonRouteName[]) registerJson(app, deps, handlers, name);
  for (const name of Object.keys(streams) as StreamRouteName[]) registerStream(app, deps, streams, name);
}

function checkComplete(names: readonly string[]): void {
  const missing = Object.keys(ROUTES).filter((name) => !names.includes(name));
  const surplus = names.filter((name) => !Object.hasOwn(ROUTES, name));
  if (missing.length > 0 || surplus.length > 0) {
    throw new Error(`routes without handler: [${missing}]; handlers without route: [${surplus}]`);
  }
}

function registerJson<N extends JsonRouteName>(
  app: FastifyInstance,
  deps: RegisterDeps,
  handlers: Handlers,
  name: N,
): void {
  const route: Route = ROUTES[name];
  const handler: Handlers[N] = handlers[name];
  app.route({
    ...routeOptions(deps, name, route),
    handler: async (request, reply) => {
      const answer = await handler({
        ...callOf<N>(request),
        session: sessionCookieOf(reply, deps.secure),
      });
      return reply.code(route.status).send(answer);
    },
  });
}

function registerStream<N extends StreamRouteName>(
  app: FastifyInstance,
  deps: RegisterDeps,
  streams: StreamHandlers,
  name: N,
): void {
  const handler: StreamHandlers[N] = streams[name];
  app.route({
    ...routeOptions(deps, name, ROUTES[name]),
    exposeHeadRoute: false,
    handler: (request, reply) => handler(callOf<N>(request), request, reply),
  });
}

function routeOptions(deps: RegisterDeps, name: RouteName, route: Route) {
  const acceptsCsv = CSV_BODIES.includes(name);
  return {
    method: route.method,
    url: route.path,
    ...(LARGE_BODIES.includes(name) ? { bodyLimit: LARGE_BODY_LIMIT_BYTES } : {}),
    config: { acceptsCsv, acceptsForm: FORM_BODIES.includes(name) },
    ...earlyRefusals(deps.controlPlane, name, route),
    schema: {
      ...(route.params === undefined ? {} : { params: route.params }),
      ...(route.query === undefined ? {} : { querystring: route.query }),
      ...(route.body === undefined ? {} : { body: route.body }),
      ...(route.response === undefined ? {} : { response: { [route.status]: route.response } }),
    },
    onRequest: async (request: FastifyRequest) => {
      request.caller = await authenticate(deps, route, request);
    },
    preValidation: async (request: FastifyRequest) => {
      checkBody(request.query, 'query');
      checkBody(request.body, 'body');
      if (route.query !== undefined) request.query = convertQuery(route.query, asRecord(request.query));
    },
  };
}

/** The assertions here rest on the row's schemas and `auth`, which the framework and `authenticate` applied. */
function callOf<N extends RouteName>(request: FastifyRequest): Omit<Call<N>, 'session'> {
  return {
    params: request.params as Call<N>['params'],
    query: request.query as Call<N>['query'],
    body: request.body as Call<N>['body'],
    caller: request.caller as CallerOf<(typeof ROUTES)[N]['auth']>,
    origin: originOf(request),
  };
}

function sessionCookieOf(reply: FastifyReply, secure: boolean): SessionCookie {
  const name = sessionCookieName(secure);
  const options = sessionCookieOptions(secure);
  return {
    set: (token, expires) => void reply.setCookie(name, token, { ...options, expires }),
    clear: () => void reply.clearCookie(name, options),
  };
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {};
