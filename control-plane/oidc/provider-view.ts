/** The provider as system admins see it. Pure. */
import type { ProviderView } from '#web-api';
import type { ProviderState } from './provider.ts';
import type { ProviderOptions } from './provider-options.ts';
import { callbackUrl } from './sign-in-flow.ts';

export function providerView(options: ProviderOptions, state: ProviderState): ProviderView {
  const { mapping, consoleOrigin } = options;
  return {
    configured: true,
    issuer: options.issuer,
    client_id: options.clientId,
    callback_url: callbackUrl(consoleOrigin),
    backchannel_logout_url: `${consoleOrigin}/api/v1/auth/oidc/backchannel-logout`,
    reachable: state.isReachable,
    checked_at: state.checkedAt?.toISOString() ?? null,
    last_error: state.lastError,
    audience: options.audience,
    roles: [...mapping.roles].map(([theirs, ours]) => ({ theirs, ours })),
    default_role: mapping.defaultRole,
    system_admin_role: mapping.systemAdminRole,
    organization_claim: mapping.organizationClaim,
    groups_claim: mapping.groupsClaim,
    creates_organizations: mapping.createOrganizations,
    links_by_email: mapping.linkByEmail,
  };
}

export const noProviderView = (): ProviderView => ({
  configured: false,
  issuer: null,
  client_id: null,
  callback_url: null,
  backchannel_logout_url: null,
  reachable: false,
  checked_at: null,
  last_error: null,
  audience: null,
  roles: [],
  default_role: null,
  system_admin_role: null,
  organization_claim: null,
  groups_claim: null,
  creates_organizations: false,
  links_by_email: false,
});
