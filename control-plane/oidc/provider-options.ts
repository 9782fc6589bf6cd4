/** How the identity provider is set up, from the settings OIDC_*. Pure. */
import type { Role } from '#db';
import { ROLES } from '#web-api';
import { type Settings, SettingsError } from '../settings.ts';

export interface ProviderOptions {
  /** Exactly as the provider writes it in its tokens. */
  readonly issuer: string;
  readonly clientId: string;
  /** Null: a public client, which PKCE alone protects. */
  readonly clientSecret: string | null;
  /** On the button of the login page. */
  readonly label: string;
  readonly scope: string;
  /** What access tokens for our API name as their audience. */
  readonly audience: string;
  /** Origin of the console as browsers see it, `https://host:port`. */
  readonly consoleOrigin: string;
  readonly mapping: MappingOptions;
  readonly recheckMs: number;
}

export interface MappingOptions {
  /** Whose entry of `resource_access` counts. */
  readonly clientId: string;
  /** Role of the provider → role of ours. */
  readonly roles: ReadonlyMap<string, Role>;
  /** Of a person in an organisation without any role; null: none, so no membership. */
  readonly defaultRole: Role | null;
  /** Role of the provider that makes a system admin; null: no role does. */
  readonly systemAdminRole: string | null;
  readonly organizationClaim: string;
  readonly groupsClaim: string;
  readonly createOrganizations: boolean;
  readonly linkByEmail: boolean;
}

type OidcSettings = Pick<Settings, Extract<keyof Settings, `oidc${string}`>>;
const MINUTE_MS = 60_000;

/** Null where no provider is set up. @param publicUrl our HTTPS address. @throws SettingsError */
export function readProviderOptions(settings: OidcSettings, publicUrl: string): ProviderOptions | null {
  if (settings.oidcIssuer === null) return null;
  return {
    issuer: secureUrl('OIDC_ISSUER', settings.oidcIssuer).text,
    clientId: settings.oidcClientId,
    clientSecret: settings.oidcClientSecret,
    label: settings.oidcLabel,
    scope: settings.oidcScopes,
    audience: settings.oidcAudience ?? settings.oidcClientId,
    consoleOrigin: secureUrl('OIDC_CONSOLE_URL', settings.oidcConsoleUrl ?? publicUrl).origin,
    mapping: {
      clientId: settings.oidcClientId,
      roles: readRoles(settings.oidcRoles),
      defaultRole: settings.oidcDefaultRole === 'none' ? null : settings.oidcDefaultRole,
      systemAdminRole: settings.oidcSystemAdminRole,
      organizationClaim: settings.oidcOrganizationClaim,
      groupsClaim: settings.oidcGroupsClaim,
      createOrganizations: settings.oidcCreateOrganizations,
      linkByEmail: settings.oidcLinkByEmail,
    },
    recheckMs: settings.oidcRecheckMinutes * MINUTE_MS,
  };
}

/** `theirs=ours,…`; null: ours by their own names. */
function readRoles(text: string | null): ReadonlyMap<string, Role> {
  if (text === null) return new Map(ROLES.map((role) => [role, role]));
  return new Map(
    text.split(',').map((pair) => {
      const at = pair.lastIndexOf('=');
      const theirs = pair.slice(0, at).trim();
      const ours = ROLES.find((role) => role === pair.slice(at + 1).trim());
      if (at < 1 || theirs === '' || ours === undefined) {
        throw new SettingsError(
          `OIDC_ROLES: "${pair}" is not theirs=ours; ours is one of ${ROLES.join(', ')}`,
        );
      }
      return [theirs, ours];
    }),
  );
}

function secureUrl(setting: string, text: string): { text: string; origin: string } {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !isSecureUrl(url) || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new SettingsError(`${setting}: must be https://host/path; http:// counts for loopback alone`);
  }
  return { text, origin: url.origin };
}

/** Tokens and codes travel encrypted, or not at all over a network. */
export const isSecureUrl = (url: URL): boolean =>
  url.protocol === 'https:' ||
  (url.protocol === 'http:' && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname));
