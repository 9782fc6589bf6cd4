/** Second factor, sessions, API keys, service accounts. */
import type { CredentialUseCases } from '#control-plane';
import type { CREDENTIAL_ROUTES } from '#web-api';
import type { Handlers } from '../call.ts';

export const credentialHandlers = (
  credentials: CredentialUseCases,
): Pick<Handlers, keyof typeof CREDENTIAL_ROUTES> => ({
  'second_factor.get': ({ caller }) => credentials.secondFactor(caller),
  'second_factor.begin': ({ caller, body }) => credentials.beginSecondFactor(caller, body),
  'second_factor.confirm': ({ caller, body }) => credentials.confirmSecondFactor(caller, body),
  'second_factor.recovery_codes': ({ caller, body }) => credentials.renewRecoveryCodes(caller, body),
  'second_factor.disable': ({ caller, body }) => credentials.disableSecondFactor(caller, body),
  'sessions.list': ({ caller, query }) => credentials.listSessions(caller, query),
  'sessions.end': ({ caller, params }) => credentials.endSession(caller, params.session_id),
  'sessions.end_others': ({ caller }) => credentials.endOtherSessions(caller),
  'api_keys.list': ({ caller, query }) => credentials.listKeys(caller, query),
  'api_keys.create': ({ caller, body }) => credentials.createKey(caller, body),
  'api_keys.revoke': ({ caller, params }) => credentials.revokeKey(caller, params.key_id),
  'service_accounts.list': ({ caller, params, query }) =>
    credentials.listServiceAccounts(caller, params.organization_id, query),
  'service_accounts.create': ({ caller, params, body }) =>
    credentials.createServiceAccount(caller, params.organization_id, body),
  'service_accounts.update': ({ caller, params, body }) =>
    credentials.updateServiceAccount(caller, params.organization_id, params.account_id, body),
  'service_accounts.delete': ({ caller, params }) =>
    credentials.deleteServiceAccount(caller, params.organization_id, params.account_id),
  'service_account_keys.list': ({ caller, params, query }) =>
    credentials.listServiceAccountKeys(caller, params.organization_id, params.account_id, query),
  'service_account_keys.create': ({ caller, params, body }) =>
    credentials.createServiceAccountKey(caller, params.organization_id, params.account_id, body),
  'service_account_keys.revoke': ({ caller, params }) =>
    credentials.revokeServiceAccountKey(caller, params.organization_id, params.account_id, params.key_id),
});
