/** `oidc.login` and `oidc.callback`: the browser on its way to the identity provider and back. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, type ControlPlane, type ErrorCode } from '#control-plane';
import type { StreamHandler } from './register-routes.ts';
import { sessionCookieName, sessionCookieOptions } from './session-cookie.ts';

interface OidcRouteDeps {
  readonly controlPlane: ControlPlane;
  /** Whether this listener speaks TLS. */
  readonly secure: boolean;
}

/** What the login page has words for; anything else is shown as a problem. */
const SHOWN: readonly ErrorCode[] = [
  'auth.oidc_off',
  'auth.oidc_refused',
  'auth.oidc_no_access',
  'auth.oidc_unavailable',
  'rate.limited',
  'service.unavailable',
];
const FOUND_ELSEWHERE = 303;
const LOGIN_PATH = '/api/v1/auth/oidc/login';

/** Only the browser that began a sign-in can end it. `__Host-` as for the session. */
export const signInCookieName = (secure: boolean): string => (secure ? '__Host-edge_oidc' : 'edge_oidc');

export const oidcLoginRoute =
  ({ controlPlane, secure }: OidcRouteDeps): StreamHandler<'oidc.login'> =>
  async ({ query, origin }, request, reply) => {
    const elsewhere = consoleElsewhere(controlPlane.oidc.consoleOrigin, request, query);
    if (elsewhere !== null) return void reply.redirect(elsewhere, FOUND_ELSEWHERE);
    try {
      const begun = await controlPlane.oidc.begin(query.return_to, origin);
      const options = { ...sessionCookieOptions(secure), expires: begun.expiresAt };
      reply.setCookie(signInCookieName(secure), begun.browserSecret, options);
      reply.redirect(begun.url, FOUND_ELSEWHERE);
    } catch (error) {
      showOnLoginPage(error, request, reply);
    }
  };

export const oidcCallbackRoute =
  ({ controlPlane, secure }: OidcRouteDeps): StreamHandler<'oidc.callback'> =>
  async ({ query, origin }, request, reply) => {
    const browserSecret = request.cookies[signInCookieName(secure)];
    reply.clearCookie(signInCookieName(secure), sessionCookieOptions(secure));
    try {
      const { code, state, iss, error } = query;
      const answer = {
        ...(code === undefined ? {} : { code }),
        ...(state === undefined ? {} : { state }),
        ...(iss === undefined ? {} : { iss }),
        ...(error === undefined ? {} : { error }),
      };
      const { sessionToken, expiresAt, returnTo } = await controlPlane.oidc.finish(
        answer,
        browserSecret,
        origin,
      );
      const options = { ...sessionCookieOptions(secure), expires: expiresAt };
      reply.setCookie(sessionCookieName(secure), sessionToken, options);
      reply.redirect(returnTo, FOUND_ELSEWHERE);
    } catch (error) {
      showOnLoginPage(error, request, reply);
    }
  };

/**
 * The cookie lives where the provider sends the browser back to: who begins at another address of this console is
 * sent there first. Only once, for a proxy may hide the address.
 */
function consoleElsewhere(
  consoleOrigin: string | null,
  request: FastifyRequest,
  query: { readonly return_to?: string; readonly moved?: '1' },
): string | null {
  if (consoleOrigin === null || query.moved !== undefined) return null;
  if (new URL(consoleOrigin).host === request.host.toLowerCase()) return null;
  const search = new URLSearchParams({ moved: '1' });
  if (query.return_to !== undefined) search.set('return_to', query.return_to);
  return `${consoleOrigin}${LOGIN_PATH}?${search}`;
}

/** A person gets back to the login page; a program gets the problem. @throws what is not for people */
function showOnLoginPage(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const isPerson = request.headers.accept?.includes('text/html') === true;
  if (!isPerson || !(error instanceof AppError) || !SHOWN.includes(error.code)) throw error;
  reply.redirect(`/login?error=${error.code}`, FOUND_ELSEWHERE);
}
