/** The audit log: list, one row, proof, checkpoints. */
import type { AuditUseCases } from '#control-plane';
import type { AUDIT_ROUTES } from '#web-api';
import type { Handlers, JsonRouteName } from '../call.ts';

export const auditHandlers = (
  audit: AuditUseCases,
): Pick<Handlers, keyof typeof AUDIT_ROUTES & JsonRouteName> => ({
  'audit.list': ({ caller, query }) => audit.list(caller, query),
  'audit.get': ({ caller, params }) => audit.get(caller, params.entry_id),
  'audit.verify': ({ caller, query }) => audit.verify(caller, query),
  'audit.checkpoints': ({ caller, query }) => audit.checkpoints(caller, query),
});
