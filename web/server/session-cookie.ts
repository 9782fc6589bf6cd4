/** The session's cookie and the checks that keep other sites from using it. */
import { timingSafeEqual } from 'node:crypto';
import type { CookieSerializeOptions } from '@fastify/cookie';

/** `__Host-` binds the cookie to this host and to TLS; browsers refuse that prefix on plain HTTP. */
export const sessionCookieName = (secure: boolean): string =>
  secure ? '__Host-edge_session' : 'edge_session';

export const sessionCookieOptions = (secure: boolean): CookieSerializeOptions => ({
  path: '/',
  httpOnly: true,
  sameSite: 'lax',
  secure,
});

/** Equal in constant time; an absent header never matches. */
export function isCsrfTokenRight(header: string | string[] | undefined, expected: string): boolean {
  if (typeof header !== 'string' || expected === '') return false;
  const given = Buffer.from(header);
  const wanted = Buffer.from(expected);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/**
 * Whether a write comes from our own pages. Clients that are no browsers send no Origin. `publicUrl` also counts,
 * for a console behind a proxy that ends TLS.
 */
export function isOwnOrigin(
  origin: string | undefined,
  own: { readonly secure: boolean; readonly host: string; readonly publicUrl: string },
): boolean {
  if (origin === undefined) return true;
  return origin === `${own.secure ? 'https' : 'http'}://${own.host}` || origin === originOf(own.publicUrl);
}

const originOf = (url: string): string | null => (URL.canParse(url) ? new URL(url).origin : null);
