/** Sign-in by an identity provider, put together; without one every part of it says so. */
import * as client from 'openid-client';
import type { Database } from '#db';
import { permitGlobally } from '../access/permit.ts';
import type { RandomBytes } from '../access/secrets.ts';
import type { SessionLimits } from '../access/sessions.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { OidcUseCases } from '../oidc-use-cases.ts';
import type { SecretBox } from '../secrets/secret-box.ts';
import type { Origin, Person } from '../use-cases.ts';
import { createAccessTokens } from './access-tokens.ts';
import { createBackChannelLogout } from './back-channel-logout.ts';
import { openProvider } from './provider.ts';
import type { ProviderOptions } from './provider-options.ts';
import { noProviderView, providerView } from './provider-view.ts';
import { startSessionChecks } from './session-checks.ts';
import { createSignInFlow } from './sign-in-flow.ts';

export interface OidcDeps {
  readonly database: Database;
  /** Null: nobody signs in by a provider. */
  readonly options: ProviderOptions | null;
  readonly secretBox: SecretBox;
  readonly log: Logger;
  readonly now: () => Date;
  readonly random: RandomBytes;
  readonly sessionLimits: SessionLimits;
}

export interface Oidc {
  readonly useCases: OidcUseCases;
  /** @throws AppError 'auth.required', 'auth.oidc_no_access', 'auth.oidc_unavailable' */
  authenticateAccessToken(jwt: string, origin: Origin): Promise<Person>;
  stop(): Promise<void>;
}

/** Asks the provider for nothing before somebody wants to sign in. */
export function createOidc(deps: OidcDeps): Oidc {
  const { options, database } = deps;
  if (options === null) return WITHOUT_PROVIDER;
  const provider = openProvider(options, deps);
  const withProvider = { ...deps, provider };
  const checks = startSessionChecks(withProvider);
  const endPage = `${options.consoleOrigin}/login`;

  return {
    useCases: {
      label: options.label,
      consoleOrigin: options.consoleOrigin,
      ...createSignInFlow(withProvider),
      backChannelLogout: createBackChannelLogout(withProvider),
      async logoutUrl(person) {
        const isBound =
          person.sessionTokenHash !== '' &&
          (await database.asOwner(() => database.providerSessions.isBound(person.sessionTokenHash)));
        if (!isBound) return null;
        try {
          const configuration = await provider.configuration();
          if (configuration.serverMetadata().end_session_endpoint === undefined) return null;
          return client.buildEndSessionUrl(configuration, { post_logout_redirect_uri: endPage }).href;
        } catch (error) {
          // Signing out here must not wait for the provider.
          if (error instanceof AppError && error.code === 'auth.oidc_unavailable') return null;
          throw error;
        }
      },
      async provider(person) {
        permitGlobally(person, 'user.read');
        await provider.configuration(0).catch(() => undefined);
        return providerView(options, provider.state());
      },
    },
    authenticateAccessToken: createAccessTokens(withProvider),
    stop: () => checks.stop(),
  };
}

const isOff = async (): Promise<never> => {
  throw new AppError('auth.oidc_off');
};

const WITHOUT_PROVIDER: Oidc = {
  useCases: {
    label: null,
    consoleOrigin: null,
    begin: isOff,
    finish: isOff,
    backChannelLogout: isOff,
    logoutUrl: async () => null,
    async provider(person) {
      permitGlobally(person, 'user.read');
      return noProviderView();
    },
  },
  async authenticateAccessToken() {
    throw new AppError('auth.required');
  },
  stop: async () => undefined,
};
