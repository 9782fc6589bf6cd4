/** `devices.events`: takes the connection from the framework and hands it to the live streams. */
import { sessionTokenOf } from './authenticate.ts';
import type { LiveStreams } from './live-events.ts';
import type { StreamHandler } from './register-routes.ts';
import { securityHeaders } from './security-headers.ts';

export const liveRoute =
  (streams: LiveStreams, secure: boolean): StreamHandler =>
  ({ caller, query, origin }, request, reply) =>
    streams.open(
      { person: caller, sessionToken: sessionTokenOf(request, secure), orgId: query.org_id, origin },
      () => {
        reply.hijack();
        reply.raw.writeHead(200, {
          ...securityHeaders(secure),
          'content-type': 'text/event-stream; charset=utf-8',
          // Or nginx holds events back until its buffer is full.
          'x-accel-buffering': 'no',
        });
        return reply.raw;
      },
    );
