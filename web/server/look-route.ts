/** `live.stream`: what one device logs or measures now; the device streams for as long as this response is open. */
import { AppError, type ControlPlane, type LiveUpdate } from '#control-plane';
import { callerKey, credentialOf, identify } from './authenticate.ts';
import { type EventStream, startEventStream, takeEventResponse } from './event-stream.ts';
import type { Log } from './log.ts';
import type { StreamHandler } from './register-routes.ts';

export interface LookRouteDeps {
  readonly controlPlane: Pick<ControlPlane, 'access' | 'telemetry'>;
  readonly log: Log;
  readonly secure: boolean;
  /** Looks under way, so that the server can end them. */
  readonly looks: Set<EventStream>;
  readonly heartbeatIntervalMs?: number;
  readonly recheckIntervalMs?: number;
  readonly stallMs?: number;
}

/** Looks of one session at a time: some tabs, each with a stream or two. One person must not take every place. */
const MAX_LOOKS_PER_SESSION = 16;
const RETRY_AFTER_SECONDS = 10;

/** Events `state`, `logs`, `metrics`; the lease ends with the stream, however that ends. */
export function lookRoute(deps: LookRouteDeps): StreamHandler<'live.stream'> {
  const { access, telemetry } = deps.controlPlane;
  const bySession = new Map<string, number>();

  function take(session: string): () => void {
    const looks = bySession.get(session) ?? 0;
    if (looks >= MAX_LOOKS_PER_SESSION) {
      throw new AppError('rate.limited', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    bySession.set(session, looks + 1);
    return () => {
      const rest = (bySession.get(session) ?? 1) - 1;
      if (rest === 0) bySession.delete(session);
      else bySession.set(session, rest);
    };
  }

  return async ({ caller, params, query, origin }, request, reply) => {
    const credential = credentialOf(request, deps.secure);
    const release = take(callerKey(caller));
    const early: LiveUpdate[] = [];
    let deliver = (update: LiveUpdate): void => void early.push(update);
    const leave = await telemetry
      .watch(caller, params.device_id, query, (update) => deliver(update))
      .catch((error: unknown) => {
        release();
        throw error;
      });
    const stream = startEventStream({
      ...deps,
      response: takeEventResponse(reply, deps.secure),
      requestId: origin.requestId,
      recheck: async () => {
        const person = await identify(access, credential, origin, { touch: false });
        await telemetry.mayWatch(person, params.device_id);
      },
      onEnd: () => {
        deps.looks.delete(stream);
        leave();
        release();
      },
    });
    deps.looks.add(stream);
    deliver = (update) => stream.send(update.kind, update);
    for (const update of early) deliver(update);
  };
}
