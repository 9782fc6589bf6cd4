/** `devices.events`: the events of all devices that the person may see. */
import { credentialOf } from './authenticate.ts';
import { takeEventResponse } from './event-stream.ts';
import type { LiveStreams } from './live-events.ts';
import type { StreamHandler } from './register-routes.ts';

export const liveRoute =
  (streams: LiveStreams, secure: boolean): StreamHandler<'devices.events'> =>
  ({ caller, query, origin }, request, reply) =>
    streams.open(
      { person: caller, credential: credentialOf(request, secure), orgId: query.org_id, origin },
      () => takeEventResponse(reply, secure),
    );
