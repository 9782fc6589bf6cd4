/** Looking at a device over real sockets; the control plane is a fake, because every update has to be timed. */
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '#control-plane';
import { startEventStream } from '../../../web/server/event-stream.ts';
import {
  createFakeControlPlane,
  DEVICE,
  type FakeControlPlane,
  LOG_LINE,
  SESSION,
} from '../../unit/web-server/fake-control-plane.ts';
import { openTestAuthority, startWeb, type WebFixture } from './web-fixture.ts';

interface Look {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  text: string;
  isEnded: boolean;
}
const record = {
  timestamp: LOG_LINE.timestamp,
  log_level: LOG_LINE.log_level,
  service_name: 'vllm',
  message: 'model loaded',
};

let fake: FakeControlPlane;
let web: WebFixture;
let removeAuthority: () => void;
const looks: Look[] = [];

beforeEach(async () => {
  fake = createFakeControlPlane();
  const { authority, remove } = await openTestAuthority();
  removeAuthority = remove;
  web = await startWeb(fake.controlPlane, authority);
});
afterEach(async () => {
  for (const { request } of looks.splice(0)) request.destroy();
  await web.stop();
  removeAuthority();
});

function open(query = 'stream=logs'): Promise<Look> {
  return new Promise((resolve, reject) => {
    const url = `${web.httpUrl}/api/v1/admin/edge/devices/${DEVICE}/live?${query}`;
    const request = get(url, { agent: false, headers: { cookie: `edge_session=${SESSION}` } }, (response) => {
      const look: Look = { request, response, text: '', isEnded: false };
      looks.push(look);
      response.setEncoding('utf8').on('data', (chunk: string) => {
        look.text += chunk;
      });
      response.on('error', () => undefined);
      response.once('close', () => {
        look.isEnded = true;
      });
      resolve(look);
    });
    request.once('error', reject);
  });
}
const until = (condition: () => boolean) =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 5_000 });

describe('a look at a device', () => {
  it('brings states, lines and measurements as events', async () => {
    const look = await open('stream=logs&min_level=warning&replay=50');
    expect(look.response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    await until(() => look.text.includes('event: state\ndata: {"kind":"state","state":"waiting"}\n\n'));
    fake.show({ kind: 'logs', skipped: 2, records: [record] });
    fake.show({ kind: 'metrics', skipped: 0, records: [] });
    await until(() => look.text.includes('event: metrics'));
    expect(look.text).toContain(
      `event: logs\ndata: ${JSON.stringify({ kind: 'logs', skipped: 2, records: [record] })}\n\n`,
    );
    expect(fake.calls.find(({ name }) => name === 'watch')?.arguments).toEqual([
      DEVICE,
      { stream: 'logs', min_level: 'warning', replay: 50 },
    ]);
  });

  it('lets go of the device as soon as its client is gone', async () => {
    const look = await open();
    await until(() => look.text.includes('waiting'));
    expect(fake.viewerCount).toBe(1);
    look.request.destroy();
    await until(() => fake.viewerCount === 0);
  });

  it('ends with the server, at once', async () => {
    const look = await open();
    await until(() => look.text.includes('waiting'));
    await web.server.stop();
    expect(fake.viewerCount).toBe(0);
    await until(() => look.isEnded);
  });

  it('is refused like any other request', async () => {
    fake.failures.set('watch', new AppError('device.not_found'));
    const look = await open();
    await until(() => look.isEnded);
    expect([look.response.statusCode, JSON.parse(look.text).code]).toEqual([404, 'device.not_found']);
    expect((await open('stream=everything')).response.statusCode).toBe(400);
  });

  it('is one of at most sixteen per session, and a closed one makes room', async () => {
    const opened = await Promise.all(Array.from({ length: 18 }, () => open()));
    const statuses = opened.map(({ response }) => response.statusCode).sort();
    expect(statuses).toEqual([...Array(16).fill(200), 429, 429]);
    opened.find(({ response }) => response.statusCode === 200)?.request.destroy();
    await vi.waitFor(async () => expect((await open()).response.statusCode).toBe(200), { timeout: 5_000 });
  });
});

describe('an event stream', () => {
  const ignore = () => undefined;
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

  async function serve(options: {
    stallMs?: number;
    recheckIntervalMs?: number;
    recheck?: () => Promise<void>;
  }) {
    const app = fastify();
    const ended = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<ReturnType<typeof startEventStream>>();
    app.get('/', (_request, reply) => {
      reply.hijack();
      opened.resolve(
        startEventStream({
          recheck: async () => undefined,
          ...options,
          response: reply.raw,
          onEnd: ended.resolve,
          requestId: 'r',
          log,
        }),
      );
    });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const response = await new Promise<IncomingMessage>((resolve) => {
      const request = get(url, { agent: false }, resolve);
      request.on('error', ignore);
    });
    response.on('error', ignore);
    return { stream: await opened.promise, ended: ended.promise, response, close: () => app.close() };
  }

  it('drops a client that takes nothing', async () => {
    const { stream, ended, response, close } = await serve({ stallMs: 50 });
    response.pause();
    // Under the bound of unread bytes, above what the sockets take.
    const filling = setInterval(() => stream.send('logs', { text: 'x'.repeat(200_000) }), 5);
    await ended;
    clearInterval(filling);
    response.destroy();
    await close();
  });

  it('ends when what it shows is no longer the caller’s', async () => {
    const { ended, response, close } = await serve({
      recheckIntervalMs: 10,
      recheck: async () => {
        throw new AppError('device.not_found');
      },
    });
    response.resume();
    await ended;
    await close();
  });
});

describe('the session of an open look', () => {
  it('is looked at without being used', async () => {
    const { lookRoute } = await import('../../../web/server/look-route.ts');
    const app = fastify();
    const ignore = () => undefined;
    const route = lookRoute({
      controlPlane: fake.controlPlane,
      log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
      secure: false,
      looks: new Set(),
      recheckIntervalMs: 10,
    });
    const origin = { ipAddress: null, userAgent: null, requestId: 'r' };
    const caller = await fake.controlPlane.access.authenticate(SESSION, origin);
    app.get('/', async (request, reply) => {
      Object.assign(request, { cookies: { edge_session: SESSION } });
      const call = {
        params: { device_id: DEVICE },
        query: { stream: 'logs' as const },
        body: undefined,
        caller,
        origin,
      };
      await route(call, request, reply);
    });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const response = await new Promise<IncomingMessage>((resolve) => get(url, { agent: false }, resolve));
    response.resume();
    await until(() => fake.calls.some(({ name }) => name === 'mayWatch'));
    expect(fake.looks).toContainEqual({ touch: false });
    fake.failures.set('mayWatch', new AppError('device.not_found'));
    await until(() => fake.viewerCount === 0);
    response.destroy();
    await app.close();
  });
});
