/** Calls to addresses that users set, against a real server on the loopback that one policy opens by exception. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseNetwork } from '../../../../control-plane/outbound/address.ts';
import type { PinnedAddress } from '../../../../control-plane/outbound/exchange.ts';
import { fetchOutbound, type OutboundRequest } from '../../../../control-plane/outbound/fetch-outbound.ts';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
const seen: Seen[] = [];
/** Answers one path. */
const routes = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>();
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    seen.push({ method: request.method, url: request.url, headers: request.headers, body });
    const route = routes.get(request.url ?? '');
    if (route === undefined) response.end('ok');
    else route(request, response);
  });
});
let port: number;
beforeAll(async () => {
  // On every address of the machine: what must not be reached is there, and would answer.
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(
  () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
);
beforeEach(() => {
  seen.length = 0;
  routes.clear();
});

const OPEN = '127.0.0.1';
const v4 = (address: string): PinnedAddress => ({ address, family: 4 });
const resolvesTo =
  (...addresses: string[]) =>
  async () =>
    addresses.map(v4);
const call = (path: string, more: Partial<OutboundRequest> = {}, host = 'hooks.example.com') =>
  fetchOutbound(`http://${host}:${port}${path}`, {
    policy: { schemes: ['https', 'http'], ports: [port], allowedNetworks: [parseNetwork(OPEN)] },
    resolve: resolvesTo(OPEN),
    ...more,
  });
const redirect = (path: string, location: string, status = 302) =>
  routes.set(path, (_request, response) => void response.writeHead(status, { location }).end());

describe('fetchOutbound', () => {
  it('calls the address it checked, under the name it was given', async () => {
    const reply = await call('/hook?x=1', {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain' },
      body: 'hello',
    });
    expect(reply).toMatchObject({ status: 200 });
    expect(reply.body.toString()).toBe('ok');
    expect(seen).toMatchObject([{ method: 'POST', url: '/hook?x=1', body: 'hello' }]);
    expect(seen[0]?.headers.host).toBe(`hooks.example.com:${port}`);
  });

  it.each([
    ['loopback', ['127.0.0.2']],
    ['private', ['10.0.0.1']],
    ['metadata', ['169.254.169.254']],
    ['one bad address among good ones', [OPEN, '127.0.0.2']],
    ['one bad address before good ones', ['192.168.1.1', OPEN]],
  ])('refuses a name that leads inside: %s', async (_what, addresses) => {
    await expect(call('/', { resolve: resolvesTo(...addresses) })).rejects.toMatchObject({
      code: 'address_refused',
    });
    expect(seen).toEqual([]);
  });

  it('asks the resolver once, so that a second answer cannot lead elsewhere', async () => {
    let questions = 0;
    const rebinding = async () => {
      questions += 1;
      return [v4(questions === 1 ? OPEN : '127.0.0.2')];
    };
    await call('/', { resolve: rebinding });
    expect(questions).toBe(1);
    expect(seen[0]?.headers.host).toContain('hooks.example.com');
  });

  it('checks the name again for each redirect', async () => {
    let questions = 0;
    redirect('/first', '/second');
    const rebinding = async () => {
      questions += 1;
      return [v4(questions === 1 ? OPEN : '127.0.0.2')];
    };
    await expect(call('/first', { resolve: rebinding })).rejects.toMatchObject({ code: 'address_refused' });
    expect(seen.map(({ url }) => url)).toEqual(['/first']);
  });

  it.each([
    ['http://127.0.0.2:PORT/', 'address_refused'],
    ['http://[::1]:PORT/', 'address_refused'],
    ['http://2130706434:PORT/', 'address_refused'],
    ['//127.0.0.2:PORT/', 'address_refused'],
    ['http://localhost:PORT/', 'host_refused'],
    ['http://169.254.169.254/latest/meta-data', 'port_refused'],
    ['file:///etc/passwd', 'url_invalid'],
    ['http://user:pass@hooks.example.com:PORT/', 'url_invalid'],
    ['http://', 'redirect_refused'],
  ])('refuses a redirect to %s', async (location, code) => {
    redirect('/first', location.replace('PORT', String(port)));
    await expect(call('/first')).rejects.toMatchObject({ code });
    expect(seen.map(({ url }) => url)).toEqual(['/first']);
  });

  it('follows three redirects and not four', async () => {
    for (let step = 1; step <= 4; step += 1) redirect(`/${step}`, `/${step + 1}`, 307);
    expect((await call('/2')).url.pathname).toBe('/5');
    await expect(call('/1')).rejects.toMatchObject({ code: 'too_many_redirects' });
  });

  it('keeps credentials from another host, and the body where the status says so', async () => {
    redirect('/303', '/after-303', 303);
    redirect('/307', `http://other.example.com:${port}/after-307`, 307);
    const request = {
      method: 'POST',
      body: 'hello',
      headers: { Authorization: 'Bearer t', 'X-Own': '1' },
    } as const;
    await call('/303', request);
    await call('/307', request);
    const [, after303, , after307] = seen;
    expect(after303).toMatchObject({ method: 'GET', body: '', headers: { authorization: 'Bearer t' } });
    expect(after307).toMatchObject({ method: 'POST', body: 'hello', headers: { 'x-own': '1' } });
    expect(after307?.headers.authorization).toBeUndefined();
  });

  it('ends an answer that is too large, too slow or endless', async () => {
    routes.set('/large', (_request, response) => void response.end(Buffer.alloc(200_000)));
    routes.set('/silent', () => undefined);
    routes.set('/drip', (_request, response) => {
      const drip = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(drip));
    });
    await expect(call('/large', { maxBytes: 100_000 })).rejects.toMatchObject({ code: 'too_large' });
    await expect(call('/silent', { timeoutMs: 200 })).rejects.toMatchObject({ code: 'timeout' });
    await expect(call('/drip', { timeoutMs: 200 })).rejects.toMatchObject({ code: 'timeout' });
    const neverResolved = { resolve: () => new Promise<never>(() => undefined), timeoutMs: 100 };
    await expect(call('/', neverResolved)).rejects.toMatchObject({ code: 'timeout' });
  });

  it('says that a name has no address or that nobody listens', async () => {
    await expect(call('/', { resolve: async () => [] })).rejects.toMatchObject({ code: 'unknown_host' });
    routes.set('/reset', (request) => void request.socket.destroy());
    await expect(call('/reset')).rejects.toMatchObject({ code: 'unreachable' });
  });
});
