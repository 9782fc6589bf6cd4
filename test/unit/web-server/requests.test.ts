/** Validation, problems and limits, over the real application. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '#control-plane';
import { ROUTES, type Route } from '#web-api';
import { type AppFixture, openApp, signedIn, writing } from './app-fixture.ts';
import { DEVICE, DEVICE_TOKEN, ORG } from './fake-control-plane.ts';

let fixture: AppFixture;
beforeAll(async () => {
  fixture = await openApp();
});
afterAll(() => fixture.close());
beforeEach(() => fixture.reset());

const tokens = '/api/v1/admin/edge/registration-tokens';
const devices = '/api/v1/admin/edge/devices';
const post = (url: string, payload: string, contentType = 'application/json') =>
  fixture.app.inject({ method: 'POST', url, headers: { ...writing, 'content-type': contentType }, payload });
const lastCall = () => fixture.fake.calls.at(-1);

describe('a body', () => {
  it.each([
    ['a missing field', {}, 'organization_id'],
    ['a field of the wrong type', { organization_id: ORG, max_uses: '5' }, 'max_uses'],
    ['a field out of range', { organization_id: ORG, expires_in_seconds: 1 }, 'expires_in_seconds'],
    ['a value that is not listed', { organization_id: ORG, device_type: 'toaster' }, 'device_type'],
    ['an item of a list', { organization_id: ORG, tags: ['ok', 'not ok'] }, 'tags.1'],
    ['an id that is no plain UUID', { organization_id: `urn:uuid:${ORG}` }, 'organization_id'],
  ])('is refused for %s, which is named', async (_sentence, body, path) => {
    const reply = await post(tokens, JSON.stringify(body));
    expect(reply.statusCode).toBe(400);
    expect(reply.headers['content-type']).toContain('application/problem+json');
    expect(reply.json()).toMatchObject({
      status: 400,
      code: 'request.invalid',
      type: '/api/docs#error-request.invalid',
      errors: [{ path, message: expect.any(String) }],
    });
    expect(lastCall()).toBeUndefined();
  });

  it.each([
    ['none at all', ''],
    ['broken JSON', '{"organization_id":'],
    ['a bare value', '"text"'],
    ['null', 'null'],
    ['a key twice', `{"organization_id":"${ORG}","organization_id":"${ORG}"}`],
    ['a prototype', `{"organization_id":"${ORG}","__proto__":{"isAdmin":true}}`],
    ['a constructor’s prototype', `{"organization_id":"${ORG}","constructor":{"prototype":{}}}`],
    ['depth without end', `{"organization_id":"${ORG}","x":${'['.repeat(50)}${']'.repeat(50)}}`],
    ['U+0000', `{"organization_id":"${ORG}","name":"a\\u0000b"}`],
    ['half a character', `{"organization_id":"${ORG}","name":"\\ud800"}`],
  ])('is refused when it is %s', async (_sentence, payload) => {
    const reply = await post(tokens, payload);
    expect([reply.statusCode, reply.json().code]).toEqual([400, 'request.invalid']);
    expect(lastCall()).toBeUndefined();
  });

  it('is refused when it is no UTF-8', async () => {
    const reply = await fixture.app.inject({
      method: 'POST',
      url: tokens,
      headers: { ...writing, 'content-type': 'application/json' },
      payload: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    });
    expect([reply.statusCode, reply.json().code]).toEqual([400, 'request.invalid']);
  });

  it('gets its defaults, and keeps numbers as numbers', async () => {
    const reply = await post(tokens, JSON.stringify({ organization_id: ORG, max_uses: 3 }));
    expect(reply.statusCode).toBe(201);
    expect(lastCall()?.arguments[1]).toEqual({ organization_id: ORG, max_uses: 3, expires_in_seconds: 3600 });
  });

  it('may be 1 MiB, and 4 MiB for imports', async () => {
    const filler = (bytes: number) => JSON.stringify({ organization_id: ORG, x: 'x'.repeat(bytes) });
    const large = await post(tokens, filler(1024 * 1024));
    expect([large.statusCode, large.json().code]).toEqual([413, 'request.too_large']);
    const body = { organization_id: ORG, devices: ['x'.repeat(2 * 1024 * 1024)] };
    expect((await post(`${devices}/import`, JSON.stringify(body))).statusCode).toBe(200);
    expect((await post(`${devices}/import`, filler(4 * 1024 * 1024))).statusCode).toBe(413);
  });

  it('is not asked for where the route has none', async () => {
    const reply = await fixture.app.inject({
      method: 'DELETE',
      url: `${devices}/${DEVICE}`,
      headers: { ...writing, 'content-type': 'application/json' },
    });
    expect(reply.statusCode).toBe(204);
  });
});

describe('a content type', () => {
  const types = [
    'application/json',
    'text/plain',
    'text/csv',
    'application/xml',
    'multipart/form-data; boundary=x',
  ];
  const spoilt = (type: string) => [
    `\t${type}`,
    ` ${type}`,
    `${type}\t`,
    `${type} x`,
    `${type}\t;charset=utf-8`,
    `${type};`,
    `${type},${type}`,
    `${type}; charset=utf-7`,
  ];
  const variants = [
    ...types.slice(1),
    ...types.flatMap(spoilt),
    'application/x-www-form-urlencoded',
    'nonsense',
    '/',
    ';',
  ];

  it('comes in at least 40 variants here', () => expect(variants.length).toBeGreaterThanOrEqual(40));

  it.each(variants)('%j brings no body past its schema', async (contentType) => {
    const invalid = await post(tokens, '{"organization_id":5}', contentType);
    expect([400, 415]).toContain(invalid.statusCode);
    const valid = await post(tokens, JSON.stringify({ organization_id: ORG }), contentType);
    expect([201, 415]).toContain(valid.statusCode);
    if (invalid.statusCode === 415) expect(invalid.json().code).toBe('request.unsupported_media_type');
    else expect(valid.statusCode).toBe(201);
  });

  const writes = Object.entries<Route>(ROUTES).filter(
    ([, { method, auth, body }]) => method !== 'GET' && auth === 'session' && body !== undefined,
  );
  it.each(writes)('brings no body past the schema of %s', async (_name, route) => {
    const url = route.path.replace(/:(\w+)/g, ORG);
    for (const contentType of variants) {
      const reply = await fixture.app.inject({
        method: route.method,
        url,
        headers: { ...writing, 'content-type': contentType },
        payload: '["no object"]',
      });
      expect([400, 415]).toContain(reply.statusCode);
    }
    expect(fixture.fake.calls.filter(({ name }) => name !== 'refuse')).toEqual([]);
  });

  it('is needed where a body comes', async () => {
    const reply = await fixture.app.inject({
      method: 'POST',
      url: tokens,
      headers: writing,
      payload: Buffer.from('{}'),
    });
    expect(reply.statusCode).toBe(415);
  });
});

describe('an import', () => {
  const url = `${devices}/import?organization_id=${ORG}&dry_run=true`;

  it('takes CSV', async () => {
    const reply = await post(
      url,
      'device_name,device_type,hardware_id,tags\ngw-1,gateway,hw-1,a;b\n',
      'text/csv',
    );
    expect(reply.statusCode).toBe(200);
    expect(lastCall()?.arguments[1]).toEqual({
      organization_id: ORG,
      dry_run: true,
      issue_expires_in_seconds: 2_592_000,
      devices: [{ device_name: 'gw-1', device_type: 'gateway', hardware_id: 'hw-1', tags: ['a', 'b'] }],
    });
  });

  it('names the fault of a CSV file', async () => {
    const header = await post(url, 'name\n', 'text/csv');
    expect(header.json().errors).toEqual([{ path: 'header', message: 'the column device_name is missing' }]);
    const empty = await post(url, 'device_name,device_type,hardware_id\n', 'text/csv; charset=utf-8');
    expect(empty.json().errors[0].path).toBe('devices');
    const noOrg = await post(
      `${devices}/import`,
      'device_name,device_type,hardware_id\na,custom,b',
      'text/csv',
    );
    expect(noOrg.json().errors[0].path).toBe('organization_id');
  });

  it('is the only route that takes CSV', async () => {
    expect((await post(tokens, 'a,b', 'text/csv')).statusCode).toBe(415);
  });
});

describe('a query string', () => {
  const list = (query: string) => fixture.app.inject({ url: `${devices}?${query}`, headers: signedIn });

  it('becomes numbers where the schema has them', async () => {
    expect((await list('page=2&page_size=10&search=5')).statusCode).toBe(200);
    expect(lastCall()?.arguments[1]).toEqual({ page: 2, page_size: 10, search: '5' });
  });

  it.each([
    ['page=x', 'query.page'],
    ['page=0', 'query.page'],
    ['page_size=501', 'query.page_size'],
    ['page=1&page=2', 'query.page'],
    ['status=asleep', 'query.status'],
    ['org_id=1', 'query.org_id'],
    ['sort=password', 'query.sort'],
    ['search=a%00b', 'query'],
  ])('%s is refused, naming the field', async (query, path) => {
    const reply = await list(query);
    expect(reply.statusCode).toBe(400);
    expect(reply.json().errors[0].path).toBe(path);
  });
});

describe('a problem', () => {
  it('has the status and words of the table, and the id of the request', async () => {
    fixture.fake.failures.set('get', new AppError('device.not_found'));
    const reply = await fixture.app.inject({ url: `${devices}/${DEVICE}`, headers: signedIn });
    expect(reply.statusCode).toBe(404);
    expect(reply.json()).toEqual({
      type: '/api/docs#error-device.not_found',
      title: 'No such device',
      status: 404,
      code: 'device.not_found',
      instance: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it('of our own making shows its id alone, and the log has the rest', async () => {
    fixture.fake.failures.set('list', new Error('password of the database is hunter2'));
    const reply = await fixture.app.inject({ url: devices, headers: signedIn });
    expect(reply.statusCode).toBe(500);
    expect(reply.body).not.toContain('hunter2');
    expect(Object.keys(reply.json()).sort()).toEqual(['code', 'instance', 'status', 'title', 'type']);
    const line = fixture.lines.find(({ message }) => message === 'request failed unexpectedly');
    expect(line?.fields).toMatchObject({ requestId: reply.json().instance, err: expect.any(Error) });
  });

  it('says when to come back', async () => {
    fixture.fake.failures.set('login', new AppError('rate.limited', { retryAfterSeconds: 30 }));
    const reply = await post('/api/v1/auth/login', JSON.stringify({ email: 'a', password: 'b' }));
    expect([reply.statusCode, reply.headers['retry-after']]).toEqual([429, '30']);
  });

  it.each(['/api/v1/nowhere', '/api/v1/admin/edge/devices/', '/nothing.html', '/%ff', '/api/%'])(
    'answers %s, which is nowhere',
    async (url) => {
      const reply = await fixture.app.inject({ url, headers: signedIn });
      expect([400, 404]).toContain(reply.statusCode);
      expect(reply.headers['content-type']).toContain('application/problem+json');
      expect(['route.not_found', 'request.invalid']).toContain(reply.json().code);
    },
  );

  it('meets a method that a route does not have', async () => {
    const reply = await fixture.app.inject({
      method: 'PATCH',
      url: `${devices}/${DEVICE}`,
      headers: writing,
    });
    expect([reply.statusCode, reply.json().code]).toEqual([404, 'route.not_found']);
  });
});

describe('the bound on requests', () => {
  it('answers 429 with Retry-After, for unknown addresses too', async () => {
    const narrow = await openApp({ requestsPerMinute: 3 });
    const urls = ['/healthz', '/nowhere', '/healthz', '/healthz', '/nowhere'];
    const replies = [];
    for (const url of urls) replies.push(await narrow.app.inject({ url }));
    expect(replies.map(({ statusCode }) => statusCode)).toEqual([200, 404, 200, 429, 429]);
    expect(Number(replies[3]?.headers['retry-after'])).toBeGreaterThan(0);
    expect(replies[3]?.json().code).toBe('rate.limited');
    expect(replies[3]?.headers['content-security-policy']).toContain("default-src 'none'");
    await narrow.close();
  });
});

describe('answers', () => {
  it('hold what the contract names and nothing else', async () => {
    const reply = await fixture.app.inject({ url: `${devices}/${DEVICE}`, headers: signedIn });
    expect(reply.statusCode).toBe(200);
    expect(reply.json()).toMatchObject({
      id: DEVICE,
      agent_version: null,
      facts: { hostname: 'gw', cpu_cores: 4 },
      metadata: { rack: { row: 4 } },
      current_config: { config_data: { any: ['thing'] } },
      recent_metrics: [{ value: { percent: 1 } }],
    });
    expect(reply.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(reply.headers['content-security-policy']).not.toContain('unsafe');
    expect(reply.headers['strict-transport-security']).toBeUndefined();
  });
});

describe('the log', () => {
  it('has one line per request, without query string, cookie, token or body', async () => {
    await fixture.app.inject({ url: `${devices}?search=secret-search`, headers: signedIn });
    await post('/api/v1/auth/login', JSON.stringify({ email: 'a@b.c', password: 'secret-password' }));
    await fixture.app.inject({
      url: `/api/v1/edge/devices/${DEVICE}/config`,
      headers: { authorization: `Bearer ${DEVICE_TOKEN}` },
    });
    const requests = fixture.lines.filter(({ message }) => message === 'request');
    expect(requests.map(({ fields }) => fields)).toEqual([
      {
        requestId: expect.any(String),
        method: 'GET',
        route: devices,
        status: 200,
        durationMs: expect.any(Number),
      },
      expect.objectContaining({ route: '/api/v1/auth/login', status: 200 }),
      expect.objectContaining({ route: '/api/v1/edge/devices/:device_id/config' }),
    ]);
    expect(JSON.stringify(fixture.lines)).not.toMatch(/secret|session-of|signature/);
  });
});
