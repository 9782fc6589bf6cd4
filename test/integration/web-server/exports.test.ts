/** Exports on real sockets: back-pressure, clients that go, errors in the middle. The rows are made up. */
import { get, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '#control-plane';
import type { LogView } from '#web-api';
import {
  createFakeControlPlane,
  type FakeControlPlane,
  LOG_LINE,
  ORG,
  SESSION,
} from '../../unit/web-server/fake-control-plane.ts';
import { openTestAuthority, startWeb, type WebFixture } from './web-fixture.ts';

let fake: FakeControlPlane;
let web: WebFixture;
let removeAuthority: () => void;

beforeEach(async () => {
  fake = createFakeControlPlane();
  const { authority, remove } = await openTestAuthority();
  removeAuthority = remove;
  web = await startWeb(fake.controlPlane, authority);
});
afterEach(async () => {
  await web.stop();
  removeAuthority();
});

const signedIn = { cookie: `edge_session=${SESSION}` };
const urlOf = (format: string) =>
  `${web.httpUrl}/api/v1/admin/edge/logs/export?org_id=${ORG}&format=${format}`;

function open(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, headers: signedIn }, resolve).once('error', reject);
  });
}

/** Text up to the end or the break, and whether the body was whole. */
async function readAll(response: IncomingMessage): Promise<{ text: string; isWhole: boolean }> {
  let text = '';
  response.setEncoding('utf8');
  try {
    for await (const chunk of response) text += String(chunk);
    return { text, isWhole: response.complete };
  } catch {
    return { text, isWhole: false };
  }
}

/** Lines without end; counts what is read and whether reading ended. */
function endless(message: string) {
  const state = { read: 0, hasEnded: false };
  async function* lines(): AsyncGenerator<LogView> {
    try {
      for (;;) {
        state.read += 1;
        yield { ...LOG_LINE, message };
      }
    } finally {
      state.hasEnded = true;
    }
  }
  return { state, lines };
}

describe('an export', () => {
  it('is a file with a name and a type', async () => {
    const response = await open(urlOf('csv'));
    expect(response.headers['content-type']).toBe('text/csv; charset=utf-8; header=present');
    expect(response.headers['content-disposition']).toMatch(
      /^attachment; filename="logs-\d{8}T\d{6}Z\.csv"$/,
    );
    expect(response.headers['cache-control']).toBe('no-store');
    const { text, isWhole } = await readAll(response);
    expect([text.split('\r\n').length, isWhole]).toEqual([3, true]);
    expect((await open(urlOf('ndjson'))).headers['content-type']).toContain('application/x-ndjson');
  });

  it('answers an error before the first row like any other request', async () => {
    fake.logLines = async function* () {
      yield* [];
      throw new AppError('rate.limited', { retryAfterSeconds: 30 });
    };
    const answer = await web.call(urlOf('csv'), { headers: signedIn });
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '30']);
    expect(answer.json()).toMatchObject({ code: 'rate.limited' });
  });

  it.each(['csv', 'ndjson'])(
    'says in a %s file that it broke off, and does not end its body',
    async (format) => {
      fake.logLines = async function* () {
        yield LOG_LINE;
        throw new AppError('service.unavailable');
      };
      const { text, isWhole } = await readAll(await open(urlOf(format)));
      expect(isWhole).toBe(false);
      expect(text.trimEnd().split('\n').at(-1)).toContain('service.unavailable');
      expect(text).toContain('vllm');
    },
  );

  it('is read no faster than its client takes it, and no longer than it is there', async () => {
    const { state, lines } = endless('x'.repeat(10_000));
    fake.logLines = lines;
    const response = await open(urlOf('ndjson'));
    response.pause();
    let before = -1;
    await vi.waitFor(
      () => {
        const isStill = state.read === before && state.read > 0;
        before = state.read;
        expect(isStill).toBe(true);
      },
      { timeout: 10_000, interval: 100 },
    );
    // What the sockets of both sides hold: far from endless.
    expect(state.read).toBeLessThan(5_000);
    response.on('error', () => undefined);
    response.destroy();
    await vi.waitFor(() => expect(state.hasEnded).toBe(true), { timeout: 5_000 });
  });

  it('is refused to strangers before anything is read', async () => {
    const answer = await web.call(urlOf('csv'));
    expect(answer.status).toBe(401);
    expect(fake.calls).toEqual([]);
  });
});
