import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ROUTES, type Route } from '#web-api';
import { type AppFixture, openApp, PUBLIC_URL, signedIn, writing } from './app-fixture.ts';
import { CSRF, DEVICE, DEVICE_TOKEN, ORG, SESSION } from './fake-control-plane.ts';

let fixture: AppFixture;
beforeAll(async () => {
  fixture = await openApp();
});
afterAll(() => fixture.close());
beforeEach(() => fixture.reset());

const ids: Readonly<Record<string, string>> = { device_id: DEVICE, organization_id: ORG };
const urlOf = (path: string) => path.replace(/:(\w+)/g, (_match, name: string) => ids[name] ?? ORG);
const protectedRoutes = Object.entries<Route>(ROUTES).filter(([, { auth }]) => auth !== 'public');

describe('a protected route', () => {
  it.each(protectedRoutes)(
    '%s answers 401 to a stranger before it looks at the body',
    async (_name, route) => {
      const reply = await fixture.app.inject({
        method: route.method,
        url: urlOf(route.path),
        ...(route.body === undefined
          ? {}
          : { payload: '{"not valid', headers: { 'content-type': 'nonsense/x' } }),
      });
      expect([reply.statusCode, reply.json().code]).toEqual([401, 'auth.required']);
    },
  );
});

describe('a session', () => {
  it('opens with a cookie that scripts cannot read and other sites do not send', async () => {
    const reply = await fixture.app.inject({
      method: 'POST',
      url: '/api/v1/auth/login',
      payload: { email: 'ada@example.com', password: 'correct horse battery' },
    });
    expect(reply.statusCode).toBe(200);
    expect(reply.cookies).toEqual([
      expect.objectContaining({
        name: 'edge_session',
        value: SESSION,
        path: '/',
        httpOnly: true,
        sameSite: 'Lax',
        expires: new Date('2026-11-24T06:00:00Z'),
      }),
    ]);
    expect(reply.body).not.toContain(SESSION);
  });

  it('ends with the cookie taken back', async () => {
    const reply = await fixture.app.inject({ method: 'POST', url: '/api/v1/auth/logout', headers: writing });
    expect(reply.statusCode).toBe(204);
    expect(reply.body).toBe('');
    expect(reply.cookies[0]).toMatchObject({ name: 'edge_session', value: '', path: '/' });
    const after = await fixture.app.inject({ url: '/api/v1/auth/me', headers: signedIn });
    expect(after.statusCode).toBe(401);
  });

  it('of TLS does not count on plain HTTP', async () => {
    const reply = await fixture.app.inject({
      url: '/api/v1/auth/me',
      headers: { cookie: `__Host-edge_session=${SESSION}` },
    });
    expect(reply.statusCode).toBe(401);
  });

  it.each([
    ['the token', { ...writing }, 204],
    ['no token', { ...signedIn }, 403],
    ['a wrong token', { ...signedIn, 'x-csrf-token': `${CSRF.slice(0, -1)}x` }, 403],
    ['the token and the own origin', { ...writing, origin: 'http://localhost:80' }, 204],
    ['the token and the public origin', { ...writing, origin: PUBLIC_URL }, 204],
    ['the token and another origin', { ...writing, origin: 'https://evil.example' }, 403],
    ['the token and the origin of a sandbox', { ...writing, origin: 'null' }, 403],
  ])('writes with %s: %s', async (_sentence, headers, status) => {
    const reply = await fixture.app.inject({
      method: 'DELETE',
      url: `/api/v1/admin/edge/devices/${DEVICE}`,
      headers: { ...headers, host: 'localhost:80' },
    });
    expect(reply.statusCode).toBe(status);
    expect(fixture.fake.calls.some(({ name }) => name === 'delete')).toBe(status === 204);
    if (status === 403) expect(reply.json().code).toBe('auth.csrf');
  });

  it('is not opened for a form of another site', async () => {
    const reply = await fixture.app.inject({
      method: 'POST',
      url: '/api/v1/auth/login',
      headers: { origin: 'https://evil.example' },
      payload: { email: 'a@b.c', password: 'x' },
    });
    expect([reply.statusCode, reply.json().code]).toEqual([403, 'auth.csrf']);
  });

  it('says nothing about forwarded addresses that anybody can send', async () => {
    await fixture.app.inject({
      method: 'POST',
      url: '/api/v1/auth/login',
      headers: {
        'x-forwarded-for': '203.0.113.9',
        'x-forwarded-host': 'evil.example',
        'x-real-ip': '1.1.1.1',
      },
      payload: { email: 'a@b.c', password: 'x' },
    });
    expect(fixture.fake.calls.at(-1)?.arguments[1]).toMatchObject({ ipAddress: '127.0.0.1' });
  });
});

describe('a device', () => {
  const url = `/api/v1/edge/devices/${DEVICE}/config`;
  const authorization = `Bearer ${DEVICE_TOKEN}`;

  it('reads with its token', async () => {
    const reply = await fixture.app.inject({ url, headers: { authorization } });
    expect(reply.json()).toEqual({ config_version: 0, config_data: {}, sha256: null });
  });

  it.each([
    ['another token', { authorization: 'Bearer other' }],
    ['no scheme', { authorization: DEVICE_TOKEN }],
    ['another scheme', { authorization: `Basic ${DEVICE_TOKEN}` }],
    ['a session', signedIn],
  ])('is not known by %s', async (_sentence, headers) => {
    const reply = await fixture.app.inject({ url, headers });
    expect([reply.statusCode, reply.json().code]).toEqual([401, 'auth.required']);
  });

  it.each([ORG, 'not-a-uuid'])('finds no other device, %s among them', async (id) => {
    const reply = await fixture.app.inject({
      url: `/api/v1/edge/devices/${id}/config`,
      headers: { authorization },
    });
    expect([reply.statusCode, reply.json().code]).toEqual([404, 'device.not_found']);
  });

  it('gets no token without TLS, whatever it claims in headers', async () => {
    const reply = await fixture.app.inject({
      method: 'POST',
      url: `/api/v1/edge/devices/${DEVICE}/token`,
      headers: { authorization, 'x-client-cert': 'x', 'x-ssl-client-serial': '0a1b2c' },
    });
    expect([reply.statusCode, reply.json().code]).toEqual([401, 'auth.required']);
  });
});
