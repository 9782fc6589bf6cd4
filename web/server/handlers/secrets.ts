/** Secrets, data keys and the master key. */
import type { SecretUseCases } from '#control-plane';
import type { SECRET_ROUTES } from '#web-api';
import type { Handlers } from '../call.ts';

export const secretHandlers = (secrets: SecretUseCases): Pick<Handlers, keyof typeof SECRET_ROUTES> => ({
  'secrets.list': ({ caller, params, query }) => secrets.list(caller, params.organization_id, query),
  'secrets.put': ({ caller, params, body }) =>
    secrets.put(caller, params.organization_id, params.secret_name, body),
  'secrets.delete': ({ caller, params }) =>
    secrets.delete(caller, params.organization_id, params.secret_name),
  'secrets.check': ({ caller, params, body }) => secrets.check(caller, params.organization_id, body),
  'encryption.get': ({ caller, params }) => secrets.encryption(caller, params.organization_id),
  'encryption.rotate': ({ caller, params }) => secrets.rotate(caller, params.organization_id),
  'encryption.master': ({ caller }) => secrets.master(caller),
  'encryption.rotate_master': ({ caller }) => secrets.rotateMaster(caller),
});
