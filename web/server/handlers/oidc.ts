/** Sign-in by an identity provider, as far as it is JSON. */
import type { AccessUseCases, OidcUseCases } from '#control-plane';
import type { Call, Handlers } from '../call.ts';

type OidcRow = 'oidc.backchannel_logout' | 'oidc.logout' | 'oidc.provider';

export const oidcHandlers = (access: AccessUseCases, oidc: OidcUseCases): Pick<Handlers, OidcRow> => ({
  'oidc.backchannel_logout': ({ body, origin }) => oidc.backChannelLogout(body.logout_token, origin),
  'oidc.logout': async ({ caller, session }: Call<'oidc.logout'>) => {
    const url = await oidc.logoutUrl(caller);
    await access.logout(caller);
    session.clear();
    return { logout_url: url };
  },
  'oidc.provider': ({ caller }) => oidc.provider(caller),
});
