/** What sign-in by an identity provider can do, apart from how. */
import type { ProviderView } from '#web-api';
import type { Origin, Person } from './use-cases.ts';

export interface OidcUseCases {
  /** For the button on the login page; null where no provider is set up. */
  readonly label: string | null;
  /** Origin of the console as browsers see it; null where no provider is set up. */
  readonly consoleOrigin: string | null;
  /**
   * Begins a sign-in. `browserSecret` belongs into a cookie of this browser.
   * @throws 'auth.oidc_off', 'auth.oidc_unavailable', 'request.invalid' for a `returnTo` that leaves the console,
   * 'rate.limited'
   */
  begin(
    returnTo: string | undefined,
    origin: Origin,
  ): Promise<{ readonly url: string; readonly browserSecret: string; readonly expiresAt: Date }>;
  /**
   * The provider's answer, by the browser that began. One audit row, refusals included.
   * @throws 'auth.oidc_off', 'auth.oidc_refused', 'auth.oidc_no_access', 'auth.oidc_unavailable', 'rate.limited'
   */
  finish(
    answer: ProviderAnswer,
    browserSecret: string | undefined,
    origin: Origin,
  ): Promise<{ readonly sessionToken: string; readonly expiresAt: Date; readonly returnTo: string }>;
  /** Ends our sessions of the provider's session at once. @throws 'auth.oidc_off', 'auth.oidc_refused', 'rate.limited' */
  backChannelLogout(logoutToken: string, origin: Origin): Promise<void>;
  /** The provider's page for signing out there; null where the session did not come from it, or it is not known now. */
  logoutUrl(person: Person): Promise<string | null>;
  /** @throws 'auth.forbidden' */
  provider(person: Person): Promise<ProviderView>;
}

/** Parameters of the callback as they came. */
export interface ProviderAnswer {
  readonly code?: string;
  readonly state?: string;
  readonly iss?: string;
  readonly error?: string;
}
