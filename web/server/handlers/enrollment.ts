/** Registration tokens, integrators, refusals. */
import type { EnrollmentUseCases, FleetUseCases } from '#control-plane';
import type { ENROLLMENT_ROUTES } from '#web-api';
import type { Handlers } from '../call.ts';

export const enrollmentHandlers = (
  enrollment: EnrollmentUseCases,
  fleet: FleetUseCases,
): Pick<Handlers, keyof typeof ENROLLMENT_ROUTES> => ({
  'tokens.list': ({ caller, query }) => enrollment.listTokens(caller, query),
  'tokens.create': ({ caller, body }) => enrollment.createToken(caller, body),
  'tokens.get': ({ caller, params }) => enrollment.getToken(caller, params.token_id),
  'tokens.revoke': ({ caller, params }) => enrollment.revokeToken(caller, params.token_id),
  'integrators.list': ({ caller, query }) => enrollment.listIntegrators(caller, query),
  'integrators.create': ({ caller, body }) => enrollment.createIntegrator(caller, body),
  'integrators.delete': ({ caller, params }) => enrollment.deleteIntegrator(caller, params.integrator_id),
  'refusals.list': ({ caller, query }) => fleet.listRefusals(caller, query),
});
