/** The sockets: TLS, client certificates, resumption, broken requests, orderly stop. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authority } from '#certs';
import {
  createFakeControlPlane,
  DEVICE,
  DEVICE_TOKEN,
  type FakeControlPlane,
  SESSION,
} from '../../unit/web-server/fake-control-plane.ts';
import { openTestAuthority, startWeb, type WebFixture } from './web-fixture.ts';

let fake: FakeControlPlane;
let web: WebFixture;
let authority: Authority;
const removals: (() => void)[] = [];

beforeAll(async () => {
  const own = await openTestAuthority();
  authority = own.authority;
  removals.push(own.remove);
  fake = createFakeControlPlane();
  web = await startWeb(fake.controlPlane, authority);
});
afterAll(async () => {
  await web.stop();
  for (const remove of removals) remove();
});
beforeEach(() => {
  fake.calls.length = 0;
});

const deviceOf = (issuer: Authority) =>
  issuer.issueForNewKey({
    subject: { commonName: `acme/${DEVICE}`, organization: 'acme', unit: 'device' },
    identityUri: `urn:edge:acme:${DEVICE}`,
    days: 1,
  });
const clientOf = ({ privateKeyPem, chainPem }: { privateKeyPem: string; chainPem: string }) => ({
  key: privateKeyPem,
  cert: chainPem,
});
const argumentsOf = (name: string) => fake.calls.find((call) => call.name === name)?.arguments;

describe('the TLS listener', () => {
  it('names the certificate of a device to the use cases', async () => {
    const issued = deviceOf(authority);
    const token = await web.call(`${web.httpsUrl}/api/v1/edge/devices/${DEVICE}/token`, {
      method: 'POST',
      client: clientOf(issued),
    });
    expect(token.status).toBe(201);
    expect(argumentsOf('authenticateCertificate')).toEqual([issued.serial]);
    await web.call(`${web.httpsUrl}/api/v1/edge/devices/${DEVICE}/config`, {
      headers: { authorization: `Bearer ${DEVICE_TOKEN}` },
      client: clientOf(issued),
    });
    expect(argumentsOf('authenticateToken')).toEqual([DEVICE_TOKEN, issued.fingerprintSha256]);
  });

  it('counts no certificate of another authority, and none at all', async () => {
    const other = await openTestAuthority();
    removals.push(other.remove);
    const url = `${web.httpsUrl}/api/v1/edge/devices/${DEVICE}`;
    for (const client of [clientOf(deviceOf(other.authority)), undefined]) {
      const options = client === undefined ? {} : { client };
      const token = await web.call(`${url}/token`, { method: 'POST', ...options });
      expect([token.status, token.json()]).toEqual([401, expect.objectContaining({ code: 'auth.required' })]);
      fake.calls.length = 0;
      const headers = { authorization: `Bearer ${DEVICE_TOKEN}` };
      expect((await web.call(`${url}/config`, { headers, ...options })).status).toBe(200);
      expect(argumentsOf('authenticateToken')).toEqual([DEVICE_TOKEN, null]);
    }
  });

  it('keeps its session cookie to this host and to TLS', async () => {
    const reply = await web.call(`${web.httpsUrl}/api/v1/auth/login`, {
      method: 'POST',
      body: { email: 'ada@example.com', password: 'correct horse battery' },
    });
    const [cookie = ''] = reply.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/^__Host-edge_session=/);
    for (const word of ['Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax']) expect(cookie).toContain(word);
    expect(cookie).not.toContain('Domain');
    expect(reply.headers['strict-transport-security']).toBe('max-age=31536000');
    const plain = await web.call(`${web.httpsUrl}/api/v1/auth/me`, {
      headers: { cookie: `edge_session=${SESSION}` },
    });
    expect(plain.status).toBe(401);
  });

  it('speaks TLS 1.3 and nothing older', async () => {
    await expect(handshake({ maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/i);
    const socket = await handshake({});
    expect(socket.getProtocol()).toBe('TLSv1.3');
    socket.destroy();
  });

  it('resumes no session, so that a stolen ticket is worth nothing', async () => {
    const { keyPem, chainPem } = await authority.serverCertificate({
      name: 'web',
      hosts: ['127.0.0.1', 'localhost'],
    });
    const ordinary = createTlsServer({ key: keyPem, cert: chainPem }, (socket) =>
      socket.resume().end('hello'),
    );
    await new Promise<void>((resolve) => ordinary.listen(0, '127.0.0.1', resolve));
    const address = ordinary.address();
    const ordinaryPort = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const client = clientOf(deviceOf(authority));
    expect(await canResume(ordinaryPort, client), 'this test can tell').toBe(true);
    expect(await canResume(web.server.httpsPort ?? 0, client)).toBe(false);
    await new Promise((resolve) => ordinary.close(resolve));
  });

  /** Takes the session of a connection with the certificate, and offers it on one without. */
  async function canResume(port: number, client: object): Promise<boolean> {
    const text = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const first = await handshake(client, port);
    const sessions: Buffer[] = [];
    first.on('session', (session) => sessions.push(session));
    await exchange(first, text);
    for (const session of sessions) {
      const second = await handshake({ session }, port);
      const isReused = second.isSessionReused();
      await exchange(second, text);
      if (isReused) return true;
    }
    return false;
  }

  function handshake(options: object, port = web.server.httpsPort ?? 0): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, ca: authority.rootPem, ...options });
      socket.once('secureConnect', () => resolve(socket));
      socket.once('error', reject);
    });
  }
});

describe('a broken request', () => {
  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    [
      'two lengths',
      'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
      400,
    ],
    [
      'a length and chunks',
      'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
  ])('of %s is answered with a problem', async (_sentence, text, status) => {
    const socket = connectTcp(web.server.httpPort ?? 0, '127.0.0.1');
    const reply = await exchange(socket, text);
    expect(reply).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(reply).toContain('application/problem+json');
    expect((await web.call(`${web.httpUrl}/healthz`)).status).toBe(200);
  });

  it.each([
    '/../../etc/passwd',
    '/assets/../../../etc/passwd',
    '//etc/passwd',
    '/downloads/../../../etc/passwd',
  ])('for %s, as no client would write it, gives nothing', async (path) => {
    const socket = connectTcp(web.server.httpPort ?? 0, '127.0.0.1');
    const reply = await exchange(socket, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(reply).toMatch(/^HTTP\/1\.1 404 /);
    expect(reply).not.toContain('root:');
  });
});

describe('stopping', () => {
  it('lets a request under way finish and takes no new ones', async () => {
    const slow = createFakeControlPlane();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let arrived: () => void = () => undefined;
    const isThere = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const other = await startWeb(
      {
        ...slow.controlPlane,
        ready: async () => {
          arrived();
          await held;
        },
      },
      authority,
    );
    const answer = other.call(`${other.httpUrl}/readyz`);
    await isThere;
    const stopped = other.stop();
    await expect(other.call(`${other.httpUrl}/healthz`)).rejects.toThrow('ECONNREFUSED');
    release();
    expect((await answer).status).toBe(200);
    await stopped;
  });

  it('waits no longer than its deadline, for half-open handshakes too', async () => {
    const stuck = createFakeControlPlane();
    const other = await startWeb(
      { ...stuck.controlPlane, ready: () => new Promise(() => undefined) },
      authority,
    );
    const never = other.call(`${other.httpUrl}/readyz`).catch((error: Error) => error.message);
    const halfOpen = connectTcp(other.server.httpsPort ?? 0, '127.0.0.1');
    halfOpen.on('error', () => undefined);
    await new Promise((resolve) => halfOpen.once('connect', resolve));
    await other.call(`${other.httpsUrl}/healthz`);
    const startedAt = performance.now();
    await other.stop();
    expect(performance.now() - startedAt).toBeLessThan(8_000);
    expect(await never).toMatch(/hang up|ECONNRESET/);
    halfOpen.destroy();
  });

  it('may be asked for twice', async () => {
    const other = await startWeb(createFakeControlPlane().controlPlane, authority);
    await Promise.all([other.server.stop(), other.server.stop()]);
    await other.stop();
  });

  it('follows a start that fails, and frees what was open', async () => {
    const lone = createFakeControlPlane();
    const taken = { host: '127.0.0.1', port: web.server.httpPort ?? 0 };
    await expect(startWeb(lone.controlPlane, authority, { http: taken })).rejects.toThrow('EADDRINUSE');
    expect(lone.listenerCount).toBe(0);
  });
});

/** Sends text and reads until the other side closes. */
function exchange(socket: Socket, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let reply = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      reply += chunk;
    });
    socket.once('close', () => resolve(reply));
    socket.once('error', reject);
    socket.write(text);
  });
}
