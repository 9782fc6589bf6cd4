/** Writes of a known caller that end before their use case: each leaves a row in the audit log, as the use case's own would. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ControlPlane, ErrorCode } from '#control-plane';
import type { Route, RouteName } from '#web-api';
import { toProblem } from './problems.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** From here on the use case writes the row. */
    reachedUseCase: boolean;
  }
}

/** Hooks of a route; none where it writes nothing, or where its caller is no person. */
export function earlyRefusals(
  controlPlane: Pick<ControlPlane, 'audit'>,
  name: RouteName,
  route: Route,
): {
  preHandler?: (request: FastifyRequest) => Promise<void>;
  onError?: (request: FastifyRequest, reply: FastifyReply, error: unknown) => Promise<void>;
} {
  if (route.method === 'GET' || route.auth !== 'session') return {};
  return {
    preHandler: async (request) => {
      request.reachedUseCase = true;
    },
    onError: async (request, _reply, error) => {
      const { caller } = request;
      const { problem } = toProblem(error, request.id);
      // A flood of requests is counted by the limit that met it, and must not become a flood of rows.
      if (caller?.kind !== 'person' || request.reachedUseCase || [429, 500].includes(problem.status)) return;
      const code = problem.code as ErrorCode;
      await controlPlane.audit.refuse(caller, { route: name, object: objectOf(name, request.params), code });
    },
  };
}

/** The innermost object of the address, as it was written there. Pure. */
function objectOf(name: RouteName, params: unknown): string {
  const last = typeof params === 'object' && params !== null ? Object.entries(params).at(-1) : undefined;
  return last === undefined ? `route:${name}` : `${last[0].replace(/_id$/, '')}:${String(last[1])}`;
}
