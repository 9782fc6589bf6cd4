/** What people prove themselves with: second factor, sessions, API keys; and service accounts with theirs. */
import type {
  ApiKeyView,
  BeginSecondFactorReply,
  BodyOf,
  CreateApiKeyReply,
  QueryOf,
  RecoveryCodesReply,
  SecondFactorView,
  ServiceAccountView,
  SessionView,
} from '#web-api';
import type { Listed, Person } from './use-cases.ts';

/**
 * The caller's own account; no API key reaches it, whatever its scopes. @throws (writes) 'auth.session_required' for a
 * caller with a key; those that take a password or code: 'auth.invalid_credentials', 'auth.code_invalid', 'rate.limited'.
 */
export interface OwnCredentialUseCases {
  secondFactor(person: Person): Promise<SecondFactorView>;
  /** @throws 'auth.totp_enabled' */
  beginSecondFactor(person: Person, body: BodyOf<'second_factor.begin'>): Promise<BeginSecondFactorReply>;
  /** @throws 'auth.totp_not_begun' */
  confirmSecondFactor(person: Person, body: BodyOf<'second_factor.confirm'>): Promise<RecoveryCodesReply>;
  renewRecoveryCodes(
    person: Person,
    body: BodyOf<'second_factor.recovery_codes'>,
  ): Promise<RecoveryCodesReply>;
  disableSecondFactor(person: Person, body: BodyOf<'second_factor.disable'>): Promise<void>;
  listSessions(person: Person, query: QueryOf<'sessions.list'>): Promise<Listed<SessionView>>;
  /** @throws 'session.not_found' */
  endSession(person: Person, sessionId: string): Promise<void>;
  endOtherSessions(person: Person): Promise<{ ended: number }>;
  listKeys(person: Person, query: QueryOf<'api_keys.list'>): Promise<Listed<ApiKeyView>>;
  /** @throws 'request.invalid' for scopes beyond the holder's or too long a life, 'key.too_many' */
  createKey(person: Person, body: BodyOf<'api_keys.create'>): Promise<CreateApiKeyReply>;
  /** @throws 'key.not_found' */
  revokeKey(person: Person, keyId: string): Promise<void>;
}

/** @throws 'organization.not_found', 'auth.forbidden', 'service_account.not_found'; writes: 'auth.session_required' */
export interface ServiceAccountUseCases {
  listServiceAccounts(
    person: Person,
    orgId: string,
    query: QueryOf<'service_accounts.list'>,
  ): Promise<Listed<ServiceAccountView>>;
  /** @throws 'service_account.name_taken', 'service_account.too_many' */
  createServiceAccount(
    person: Person,
    orgId: string,
    body: BodyOf<'service_accounts.create'>,
  ): Promise<ServiceAccountView>;
  updateServiceAccount(
    person: Person,
    orgId: string,
    accountId: string,
    body: BodyOf<'service_accounts.update'>,
  ): Promise<ServiceAccountView>;
  deleteServiceAccount(person: Person, orgId: string, accountId: string): Promise<void>;
  listServiceAccountKeys(
    person: Person,
    orgId: string,
    accountId: string,
    query: QueryOf<'service_account_keys.list'>,
  ): Promise<Listed<ApiKeyView>>;
  createServiceAccountKey(
    person: Person,
    orgId: string,
    accountId: string,
    body: BodyOf<'service_account_keys.create'>,
  ): Promise<CreateApiKeyReply>;
  revokeServiceAccountKey(person: Person, orgId: string, accountId: string, keyId: string): Promise<void>;
}

export interface CredentialUseCases extends OwnCredentialUseCases, ServiceAccountUseCases {}
