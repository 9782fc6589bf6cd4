/** The access use cases, put together. */
import type { Database } from '#db';
import type { CredentialUseCases } from '../credential-use-cases.ts';
import type { Logger } from '../log.ts';
import type { SecretBox } from '../secrets/secret-box.ts';
import { SETTINGS, type Settings } from '../settings.ts';
import type { AccessUseCases } from '../use-cases.ts';
import { createKeyAuthentication, createOwnKeys } from './api-keys.ts';
import { createLoginLimits } from './login-limits.ts';
import { createMembers } from './members.ts';
import { createOrganizations } from './organizations.ts';
import { createOwnSessions } from './own-sessions.ts';
import { createPasswords } from './passwords.ts';
import { createSecondFactors, createSecondFactorUseCases } from './second-factors.ts';
import type { RandomBytes } from './secrets.ts';
import { createServiceAccounts } from './service-accounts.ts';
import { sessionLimitsOf } from './sessions.ts';
import { createSignIn } from './sign-in.ts';

export type SignInSettings = Pick<
  Settings,
  'sessionIdleMinutes' | 'sessionMaxHours' | 'requireAdminTotp' | 'apiKeyMaxDays' | 'loginAttemptsPerMinute'
>;

export interface AccessDeps {
  readonly database: Database;
  readonly secretBox: SecretBox;
  /** What is left out is as the table of settings has it. */
  readonly settings: Partial<SignInSettings>;
  readonly log: Logger;
  readonly now: () => Date;
  readonly random: RandomBytes;
}

export function createAccessUseCases(deps: AccessDeps): {
  readonly access: Omit<AccessUseCases, 'authenticateAccessToken'>;
  readonly credentials: CredentialUseCases;
} {
  const settings = withDefaults(deps.settings);
  const { requireAdminTotp, apiKeyMaxDays, loginAttemptsPerMinute } = settings;
  const signIn = {
    ...deps,
    passwords: createPasswords(deps.random),
    limits: createLoginLimits({ ...deps, attemptsPerMinute: loginAttemptsPerMinute }),
    secondFactors: createSecondFactors(deps),
    sessionLimits: sessionLimitsOf(settings),
    installation: { requireAdminTotp, maxApiKeyDays: apiKeyMaxDays },
  };
  return {
    access: {
      ...createSignIn(signIn),
      authenticateKey: createKeyAuthentication(signIn),
      ...createOrganizations(deps),
      ...createMembers(signIn),
    },
    credentials: {
      ...createSecondFactorUseCases(signIn),
      ...createOwnSessions(signIn),
      ...createOwnKeys(signIn),
      ...createServiceAccounts(signIn),
    },
  };
}

const withDefaults = (given: Partial<SignInSettings>): SignInSettings => ({
  sessionIdleMinutes: given.sessionIdleMinutes ?? SETTINGS.sessionIdleMinutes.default,
  sessionMaxHours: given.sessionMaxHours ?? SETTINGS.sessionMaxHours.default,
  requireAdminTotp: given.requireAdminTotp ?? SETTINGS.requireAdminTotp.default,
  apiKeyMaxDays: given.apiKeyMaxDays ?? SETTINGS.apiKeyMaxDays.default,
  loginAttemptsPerMinute: given.loginAttemptsPerMinute ?? SETTINGS.loginAttemptsPerMinute.default,
});
