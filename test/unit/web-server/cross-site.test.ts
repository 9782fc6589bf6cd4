/** What another site can make a browser send: forms, fetch, event streams, with the cookie that the browser adds. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ROUTES, type Route } from '#web-api';
import { sessionCookieName, sessionCookieOptions } from '../../../web/server/session-cookie.ts';
import { type AppFixture, openApp, signedIn, writing } from './app-fixture.ts';
import { API_KEY, CSRF, DEVICE, ORG, SESSION } from './fake-control-plane.ts';

let fixture: AppFixture;
beforeAll(async () => {
  fixture = await openApp();
});
afterAll(() => fixture.close());
beforeEach(() => fixture.reset());

const ids: Readonly<Record<string, string>> = { device_id: DEVICE, organization_id: ORG };
const urlOf = (path: string) => path.replace(/:(\w+)/g, (_match, name: string) => ids[name] ?? ORG);
const rows = Object.entries<Route>(ROUTES);
const sessionWrites = rows.filter(([, { auth, method }]) => auth === 'session' && method !== 'GET');
const sessionRoutes = rows.filter(([, { auth }]) => auth === 'session');
/** What a form, an image, a link or `fetch` in mode `no-cors` can set. */
const SIMPLE_TYPES = ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain'];
const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
/** Calls that got through to a use case that changes anything. */
const reached = () => fixture.fake.calls.filter(({ name }) => !['refuse'].includes(name));

describe('a write with the cookie from another site', () => {
  it.each(sessionWrites)('%s is refused as form, as fetch and as navigation', async (_name, route) => {
    const attempts = [
      ...SIMPLE_TYPES.map((type) => ({ ...signedIn, ...evil, 'content-type': type })),
      { ...signedIn, ...evil, 'content-type': 'application/json' },
      // Old browsers send no Origin with a form, and a sandboxed frame says null.
      { ...signedIn, 'content-type': 'application/x-www-form-urlencoded' },
      { ...signedIn, origin: 'null', 'content-type': 'text/plain' },
      // Even one that has learnt the token is of another site.
      { ...writing, ...evil, 'content-type': 'application/json' },
    ];
    for (const headers of attempts) {
      const reply = await fixture.app.inject({
        method: route.method,
        url: urlOf(route.path),
        headers,
        ...(route.method === 'DELETE' ? {} : { payload: '{"a":1}' }),
      });
      expect([headers, reply.statusCode, reply.json().code]).toEqual([headers, 403, 'auth.csrf']);
    }
    expect(reached()).toEqual([]);
  });

  it.each(sessionWrites)('%s is not done for a token in the wrong place', async (_name, route) => {
    for (const query of [`x-csrf-token=${CSRF}`, `csrf_token=${CSRF}`, `_csrf=${CSRF}`]) {
      const reply = await fixture.app.inject({
        method: route.method,
        url: `${urlOf(route.path)}?${query}`,
        headers: signedIn,
      });
      expect(reply.statusCode).toBe(403);
    }
    expect(reached()).toEqual([]);
  });
});

describe('a method in disguise', () => {
  it.each(['x-http-method-override', 'x-method-override', '_method'])(
    'is not believed in %s',
    async (header) => {
      const reply = await fixture.app.inject({
        method: 'GET',
        url: `/api/v1/admin/edge/devices/${DEVICE}`,
        headers: { ...signedIn, [header]: 'DELETE' },
      });
      expect(reply.statusCode).toBe(200);
      expect(fixture.fake.calls.map(({ name }) => name)).not.toContain('delete');
    },
  );
});

describe('a read with the cookie from another site', () => {
  it('brings nothing that its scripts could see: no CORS header on any route', async () => {
    for (const [, route] of rows) {
      if (route.produces === 'text/event-stream') continue;
      const reply = await fixture.app.inject({
        method: route.method,
        url: urlOf(route.path),
        headers: { ...signedIn, ...evil },
      });
      const preflight = await fixture.app.inject({
        method: 'OPTIONS',
        url: urlOf(route.path),
        headers: { ...evil, 'access-control-request-method': route.method },
      });
      for (const { headers } of [reply, preflight]) {
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
      }
      expect(preflight.statusCode).toBe(404);
    }
  });

  it('cannot be framed or read as another type', async () => {
    const { headers } = await fixture.app.inject({ url: '/api/v1/auth/me', headers: signedIn });
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['content-security-policy']).toMatch(/frame-ancestors 'none'/);
  });
});

describe('the cookie', () => {
  it('is bound to this host and TLS, hidden from scripts, and kept from other sites', () => {
    expect(sessionCookieName(true)).toBe('__Host-edge_session');
    expect(sessionCookieOptions(true)).toEqual({ path: '/', httpOnly: true, sameSite: 'lax', secure: true });
  });
});

describe('a bearer token', () => {
  const bearer = { authorization: `Bearer ${API_KEY}` };

  it.each(sessionRoutes.filter(([, { produces }]) => produces !== 'text/event-stream'))(
    'passes %s as far as a session does, without a CSRF token',
    async (_name, route) => {
      const ask = async (headers: Record<string, string>) => {
        const reply = await fixture.app.inject({ method: route.method, url: urlOf(route.path), headers });
        return [reply.statusCode, reply.headers['content-type']];
      };
      const bySession = await ask(writing);
      fixture.reset();
      expect(await ask(bearer)).toEqual(bySession);
    },
  );

  it('counts alone where a cookie comes with it', async () => {
    for (const authorization of ['Bearer ock_wrong', 'Bearer a.b.c', 'Bearer ', 'bearer x y']) {
      const reply = await fixture.app.inject({
        url: '/api/v1/auth/me',
        headers: { ...signedIn, authorization },
      });
      expect([authorization, reply.statusCode]).toEqual([authorization, 401]);
    }
    const reply = await fixture.app.inject({
      url: '/api/v1/auth/me',
      headers: { ...bearer, cookie: 'edge_session=nobody' },
    });
    expect(reply.statusCode).toBe(200);
    expect(fixture.fake.calls.at(-1)?.arguments[0]).toMatchObject({ apiKey: { prefix: 'ock_abcdefghijkl' } });
  });

  it('leaves the cookie its say where a proxy asks for a password of its own', async () => {
    const reply = await fixture.app.inject({
      url: '/api/v1/auth/me',
      headers: { ...signedIn, authorization: 'Basic YTpi' },
    });
    expect(reply.statusCode).toBe(200);
  });

  it.each(['key', 'api_key', 'access_token', 'token'])('is not taken from the query as %s', async (name) => {
    const reply = await fixture.app.inject({ url: `/api/v1/auth/me?${name}=${API_KEY}` });
    expect(reply.statusCode).toBe(401);
  });

  it('is in no log line', async () => {
    await fixture.app.inject({ url: '/api/v1/auth/me', headers: bearer });
    await fixture.app.inject({
      url: '/api/v1/auth/me',
      headers: { authorization: `${bearer.authorization}x` },
    });
    expect(JSON.stringify(fixture.lines)).not.toContain(API_KEY.slice(-20));
    expect(JSON.stringify(fixture.lines)).not.toContain(SESSION);
  });
});
