/** One Fastify application per listener; both serve the same routes and differ only in TLS. */
import { randomUUID } from 'node:crypto';
import fastifyCookie from '@fastify/cookie';
import fastifyRateLimit from '@fastify/rate-limit';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { AppError, type ControlPlane } from '#control-plane';
import { auditExportRoute } from './audit-export-route.ts';
import { addBodyParsers, BODY_LIMIT_BYTES } from './bodies.ts';
import { registerDocs } from './docs/routes.ts';
import type { EventStream } from './event-stream.ts';
import { logsExportRoute, metricsExportRoute } from './export-routes.ts';
import { allHandlers } from './handlers/all.ts';
import type { LiveStreams } from './live-events.ts';
import { liveRoute } from './live-route.ts';
import type { Log } from './log.ts';
import { lookRoute } from './look-route.ts';
import { createNodeServer, refuseBrokenRequest, type TlsMaterial } from './node-server.ts';
import { oidcCallbackRoute, oidcLoginRoute } from './oidc-routes.ts';
import { organizationExportRoute } from './organization-export-route.ts';
import { toProblem } from './problems.ts';
import { type PublicRoutesDeps, registerPublicRoutes } from './public-routes.ts';
import { createRateLimits, type RateLimits } from './rate-limits.ts';
import { registerRoutes } from './register-routes.ts';
import { logRequests } from './request-log.ts';
import { securityHeaders } from './security-headers.ts';
import { registerConsole, registerDownloads } from './static-files.ts';

export interface AppDeps extends PublicRoutesDeps {
  readonly controlPlane: ControlPlane;
  /** Folder of the built console; null = not built. */
  readonly consoleDir: string | null;
  readonly downloadsDir: string;
  readonly asyncapi: unknown;
  readonly log: Log;
  readonly streams: LiveStreams;
  /** Looks at devices under way, of all listeners. */
  readonly looks: Set<EventStream>;
  /** Null = plain HTTP. */
  readonly tls: TlsMaterial | null;
  readonly requestsPerMinute?: number;
  /** One for all listeners; without it none but the bound per address. */
  readonly rateLimits?: RateLimits;
}

/**
 * Per address (per /64 for IPv6), over all routes. Far above what a fleet of 1,000 devices behind one address
 * sends (33 beats a second); only a flood meets it. Sign-in has its own, narrow bound in the use case.
 */
const REQUESTS_PER_MINUTE = 60_000;
const ONE_MINUTE_MS = 60_000;
/** No path of ours has a parameter longer than a file name. */
const MAX_PARAM_LENGTH = 300;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const secure = deps.tls !== null;
  const app = fastify({
    serverFactory: (handler) => createNodeServer(deps.tls, handler),
    clientErrorHandler: refuseBrokenRequest,
    // No hook has run yet where the address itself cannot be read.
    frameworkErrors: (error, request, reply) =>
      sendError(deps.log, error, request.id, reply.headers(securityHeaders(secure))),
    bodyLimit: BODY_LIMIT_BYTES,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    trustProxy: false,
    genReqId: () => randomUUID(),
    ajv: {
      customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: true, allErrors: false },
      // The validator's own pattern also takes `urn:uuid:…`, which PostgreSQL refuses.
      onCreate: (ajv) => void ajv.addFormat('uuid', UUID),
    },
  });

  app.addHook('onRequest', async (_request, reply) => void reply.headers(securityHeaders(secure)));
  logRequests(app, deps.log);
  app.setErrorHandler((error, request, reply) => sendError(deps.log, error, request.id, reply));
  addBodyParsers(app);
  await app.register(fastifyRateLimit, {
    max: deps.requestsPerMinute ?? REQUESTS_PER_MINUTE,
    timeWindow: ONE_MINUTE_MS,
    addHeaders: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    addHeadersOnExceeding: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
    },
    errorResponseBuilder: (_request, { ttl }) =>
      new AppError('rate.limited', { retryAfterSeconds: Math.ceil(ttl / 1000) }),
  });
  await app.register(fastifyCookie);
  await app.register(fastifyStatic, { serve: false, dotfiles: 'ignore', index: false });
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request, reply) =>
    sendError(deps.log, new AppError('route.not_found'), request.id, reply),
  );

  const { controlPlane, log, looks, publicUrl } = deps;
  const rateLimits = deps.rateLimits ?? createRateLimits(null);
  registerRoutes(app, { controlPlane, secure, publicUrl, rateLimits }, allHandlers(controlPlane), {
    'oidc.login': oidcLoginRoute({ controlPlane, secure }),
    'oidc.callback': oidcCallbackRoute({ controlPlane, secure }),
    'devices.events': liveRoute(deps.streams, secure),
    'live.stream': lookRoute({ controlPlane, log, secure, looks }),
    'metrics.export': metricsExportRoute({ controlPlane, log, secure }),
    'logs.export': logsExportRoute({ controlPlane, log, secure }),
    'organizations.export': organizationExportRoute({ controlPlane, log, secure }),
    'audit.export': auditExportRoute({ controlPlane, log, secure }),
  });
  registerPublicRoutes(app, deps);
  registerDocs(app, { version: deps.version, asyncapi: deps.asyncapi });
  registerDownloads(app, deps.downloadsDir);
  registerConsole(app, deps.consoleDir);
  await app.ready();
  return app;
}

function sendError(log: Log, error: unknown, requestId: string, reply: FastifyReply): void {
  const { problem, retryAfterSeconds, isUnexpected } = toProblem(error, requestId);
  if (isUnexpected) log.error({ requestId, err: error }, 'request failed unexpectedly');
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  // A file route may have promised caching before it found nothing.
  reply.header('cache-control', 'no-store');
  reply.code(problem.status).type('application/problem+json; charset=utf-8').send(JSON.stringify(problem));
}
