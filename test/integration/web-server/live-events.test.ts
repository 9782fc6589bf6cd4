/** Server-Sent Events on real sockets; the control plane is a fake, because every event has to be timed. */
import { type ClientRequest, createServer, get, IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError, type Person } from '#control-plane';
import type { LiveEvent } from '#web-api';
import { startLiveStreams } from '../../../web/server/live-events.ts';
import {
  createFakeControlPlane,
  DEVICE,
  type FakeControlPlane,
  ORG,
  OTHER_ORG,
  SESSION,
} from '../../unit/web-server/fake-control-plane.ts';
import { openTestAuthority, startWeb, type WebFixture } from './web-fixture.ts';

const changed = (organization_id: string): LiveEvent => ({
  kind: 'device.changed',
  organization_id,
  device_id: DEVICE,
  at: '2026-11-23T06:00:00.000Z',
  status: 'offline',
});

interface Stream {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  text: string;
  isEnded: boolean;
}

let fake: FakeControlPlane;
let web: WebFixture;
let removeAuthority: () => void;
const streams: Stream[] = [];

beforeEach(async () => {
  fake = createFakeControlPlane();
  const { authority, remove } = await openTestAuthority();
  removeAuthority = remove;
  web = await startWeb(fake.controlPlane, authority);
});
afterEach(async () => {
  for (const { request } of streams.splice(0)) request.destroy();
  await web.stop();
  removeAuthority();
});

function open(query = '', cookie = `edge_session=${SESSION}`): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const url = `${web.httpUrl}/api/v1/admin/edge/events${query}`;
    const request = get(url, { agent: false, headers: { cookie } }, (response) => {
      const stream: Stream = { request, response, text: '', isEnded: false };
      streams.push(stream);
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        stream.text += chunk;
      });
      response.on('error', () => undefined);
      response.once('close', () => {
        stream.isEnded = true;
      });
      resolve(stream);
    });
    request.once('error', reject);
  });
}

const until = (condition: () => boolean) =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 5_000 });

describe('the event stream', () => {
  it('brings the events of its organisations and no others', async () => {
    const stream = await open();
    expect(stream.response.statusCode).toBe(200);
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    await until(() => stream.text.includes('retry: 2000'));
    fake.emit(changed(OTHER_ORG));
    fake.emit(changed(ORG));
    await until(() => stream.text.includes('event: device.changed'));
    const data = stream.text.split('\n').filter((line) => line.startsWith('data: '));
    expect(data.map((line) => JSON.parse(line.slice(6)))).toEqual([changed(ORG)]);
  });

  it('brings everything to those whose scope is everything', async () => {
    fake.scope = null;
    const stream = await open(`?org_id=${OTHER_ORG}`);
    expect(fake.calls.find(({ name }) => name === 'liveFilter')?.arguments[1]).toBe(OTHER_ORG);
    await until(() => stream.text.includes('open'));
    fake.emit(changed(OTHER_ORG));
    await until(() => stream.text.includes(OTHER_ORG));
  });

  it('is refused like any other request', async () => {
    const stranger = await open('', '');
    await until(() => stranger.isEnded);
    expect([stranger.response.statusCode, JSON.parse(stranger.text).code]).toEqual([401, 'auth.required']);
    fake.failures.set('liveFilter', new AppError('organization.not_found'));
    const lost = await open(`?org_id=${OTHER_ORG}`);
    await until(() => lost.isEnded);
    expect([lost.response.statusCode, JSON.parse(lost.text).code]).toEqual([404, 'organization.not_found']);
    expect((await open('?org_id=x')).response.statusCode).toBe(400);
  });

  it('is one of at most eight per session, and a closed one makes room', async () => {
    const opened = await Promise.all(Array.from({ length: 12 }, () => open()));
    const statuses = opened.map(({ response }) => response.statusCode).sort();
    expect(statuses).toEqual([...Array(8).fill(200), ...Array(4).fill(429)]);
    expect(opened.find(({ response }) => response.statusCode === 429)?.response.headers['retry-after']).toBe(
      '10',
    );
    opened.find(({ response }) => response.statusCode === 200)?.request.destroy();
    await vi.waitFor(async () => expect((await open()).response.statusCode).toBe(200), { timeout: 5_000 });
  });

  it('ends when the server stops, at once', async () => {
    const stream = await open();
    await until(() => stream.text.includes('open'));
    const startedAt = performance.now();
    await web.server.stop();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    await until(() => stream.isEnded);
    expect(fake.listenerCount).toBe(0);
  });
});

describe('an open stream', () => {
  const ignore = () => undefined;
  const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const person = async (): Promise<Person> =>
    fake.controlPlane.access.authenticate(SESSION, { ipAddress: null, userAgent: null, requestId: 'r' });

  async function openDirectly(intervals: { heartbeatIntervalMs?: number; recheckIntervalMs?: number }) {
    const hub = startLiveStreams({ controlPlane: fake.controlPlane, log: silent, ...intervals });
    const owner = await person();
    const server = createServer((_request, response) => {
      hub
        .open(
          {
            person: owner,
            credential: { kind: 'session', text: SESSION },
            orgId: undefined,
            origin: { ipAddress: null, userAgent: null, requestId: 'r' },
          },
          () => response.writeHead(200, { 'content-type': 'text/event-stream' }),
        )
        .catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const stream = await new Promise<Stream>((resolve) => {
      const request = get(`http://127.0.0.1:${port}`, { agent: false }, (response) => {
        const opened: Stream = { request, response, text: '', isEnded: false };
        streams.push(opened);
        response.on('error', () => undefined);
        response.once('close', () => {
          opened.isEnded = true;
        });
        resolve(opened);
      });
    });
    const close = async () => {
      hub.stop();
      stream.request.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
    return { hub, stream, close };
  }

  it('shows that it lives', async () => {
    const { stream, close } = await openDirectly({ heartbeatIntervalMs: 10 });
    stream.response.setEncoding('utf8').on('data', (chunk: string) => {
      stream.text += chunk;
    });
    await until(() => (stream.text.match(/: still here\n\n/g)?.length ?? 0) > 1);
    await close();
  });

  it('ends soon after its session', async () => {
    const { hub, stream, close } = await openDirectly({ recheckIntervalMs: 10 });
    stream.response.resume();
    fake.sessions.clear();
    await until(() => stream.isEnded);
    expect(hub.count).toBe(0);
    await close();
  });

  it('loses organisations that its person has left', async () => {
    const { stream, close } = await openDirectly({ recheckIntervalMs: 10 });
    stream.response.setEncoding('utf8').on('data', (chunk: string) => {
      stream.text += chunk;
    });
    fake.scope = new Set([OTHER_ORG]);
    const checks = () => fake.calls.filter(({ name }) => name === 'liveFilter').length;
    const before = checks();
    await until(() => checks() > before + 1);
    fake.emit(changed(ORG));
    fake.emit(changed(OTHER_ORG));
    await until(() => stream.text.includes(OTHER_ORG));
    expect(stream.text).not.toContain(ORG);
    await close();
  });

  it('leaves nothing behind when its client was gone before it began', async () => {
    const hub = startLiveStreams({ controlPlane: fake.controlPlane, log: silent });
    const origin = { ipAddress: null, userAgent: null, requestId: 'r' };
    const credential = { kind: 'session' as const, text: SESSION };
    const request = { person: await person(), credential, orgId: undefined, origin };
    // More often than a session may have streams: a place that is not given back would end this.
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const response = new ServerResponse(new IncomingMessage(new Socket()));
      response.destroy();
      await hub.open(request, () => response);
    }
    expect(hub.count).toBe(0);
    hub.stop();
  });

  it('is dropped when its client does not read', async () => {
    const { hub, stream, close } = await openDirectly({});
    stream.response.pause();
    const seen: LiveEvent = {
      kind: 'devices.seen',
      organization_id: ORG,
      device_ids: Array.from({ length: 5_000 }, () => DEVICE),
      at: '2026-11-23T06:00:00.000Z',
    };
    await vi.waitFor(
      () => {
        for (let sent = 0; sent < 20; sent += 1) fake.emit(seen);
        expect(hub.count).toBe(0);
      },
      { timeout: 10_000, interval: 20 },
    );
    await close();
  });
});
