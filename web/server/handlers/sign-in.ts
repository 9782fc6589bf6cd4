/** Signing in and out. */
import type { AccessUseCases, OidcUseCases } from '#control-plane';
import type { SIGN_IN_ROUTES } from '#web-api';
import type { Handlers } from '../call.ts';

export const signInHandlers = (
  access: AccessUseCases,
  { label }: Pick<OidcUseCases, 'label'>,
): Pick<Handlers, keyof typeof SIGN_IN_ROUTES> => ({
  'auth.methods': async () => ({ password: true, oidc: label === null ? null : { label } }),
  'auth.login': async ({ body, origin, session }) => {
    const { sessionToken, expiresAt, me } = await access.login(body, origin);
    session.set(sessionToken, expiresAt);
    return me;
  },
  'auth.logout': async ({ caller, session }) => {
    await access.logout(caller);
    session.clear();
  },
  'auth.me': ({ caller }) => access.me(caller),
  'auth.password': ({ caller, body }) => access.changePassword(caller, body),
});
