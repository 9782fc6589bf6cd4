/** One line per request: never its query string, cookies or body. */
import type { FastifyInstance } from 'fastify';
import type { Log } from './log.ts';

/** Asked for every few seconds by supervisors and load balancers. */
const QUIET_ROUTES = ['/healthz', '/readyz'];

export function logRequests(app: FastifyInstance, log: Log): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    const line = {
      requestId: request.id,
      method: request.method,
      route,
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
    };
    if (QUIET_ROUTES.includes(route) && reply.statusCode < 400) log.debug(line, 'request');
    else log.info(line, 'request');
  });
}
