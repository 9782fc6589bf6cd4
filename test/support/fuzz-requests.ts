/** Requests to one route of the contract: what it asks for, with one part or another made wrong. */
import fc from 'fast-check';
import type { Route } from '#web-api';
import type { SchemaNode } from '../../web/server/docs/example.ts';
import { type Draw, drawnValue, NASTY_TEXTS, nastyValue } from './fuzz-values.ts';

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

const CONTENT_TYPES = [
  'application/json; charset=utf-8',
  'application/json;charset=latin1',
  'application/json\t',
  ' application/json',
  'application/json, text/plain',
  'application/jsonx',
  'application/merge-patch+json',
  'text/csv',
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  '*/*',
  '',
];

const HEADERS: readonly Readonly<Record<string, string>>[] = [
  { accept: 'text/html' },
  { accept: ';;;' },
  { 'accept-encoding': 'br;q=9' },
  { 'content-encoding': 'gzip' },
  { 'if-match': '"x"' },
  { 'if-none-match': '*' },
  { range: 'bytes=0-1' },
  { expect: '100-continue' },
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { 'x-forwarded-for': '::1, evil' },
  { 'x-forwarded-host': 'evil.example' },
  { 'x-http-method-override': 'DELETE' },
  { 'user-agent': 'x'.repeat(4000) },
  { 'last-event-id': '\u00ff\u00fe' },
  { authorization: 'Bearer ' },
  { authorization: `Bearer ${'x'.repeat(5000)}` },
  { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' },
  { authorization: 'Basic YTpi' },
  { cookie: 'edge_session=%00; edge_session=x' },
  { 'x-csrf-token': 'x' },
  { connection: 'close' },
  { 'x-long': 'y'.repeat(9000) },
];

/** Bodies that no value makes: JSON that is broken, doubled, endless or not UTF-8. Made from a valid one. */
const RAW_BODIES: readonly ((valid: string) => string | Buffer)[] = [
  () => '',
  () => 'null',
  () => '[]',
  () => '"text"',
  () => '{',
  (valid) => `${valid}}`,
  (valid) => `\ufeff${valid}`,
  (valid) => valid.slice(0, -2),
  (valid) => valid.replace(/:/, ':NaN,"x":'),
  (valid) => valid.replace(/:[^,{}[\]]+/, ':1e400'),
  (valid) => valid.replace(/:[^,{}[\]]+/, `:-${'9'.repeat(400)}`),
  (valid) => valid.replace(/:[^,{}[\]]+/, ':"\\ud800"'),
  (valid) => valid.replace(/:[^,{}[\]]+/, ':"\\u0000"'),
  (valid) => valid.replace('{', '{"__proto__":{"isAdmin":true},'),
  (valid) => valid.replace('{', '{"\\u005f_proto__":1,'),
  (valid) => valid.replace('{', '{"constructor":{"prototype":{}},'),
  (valid) => valid.replace('{', '{"a":1,"a":2,'),
  (valid) => valid.replace(/\{("[^"]+":)/, '{$1null,$1'),
  () => `${'['.repeat(20)}${']'.repeat(20)}`,
  () => `${'[{"a":'.repeat(5000)}1${'}]'.repeat(5000)}`,
  () => '['.repeat(100_000),
  () => `{"a":"${'x'.repeat(1024 * 1024)}"}`,
  (valid) => valid.replace('{', `{"pad":"${'x'.repeat(900_000)}",`),
  () => Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe, 0xc0, 0x80]), Buffer.from('"}')]),
  () => 'device_name,device_type\r\n"open',
];

const rawBody = (valid: string, choice: number): Buffer =>
  Buffer.from(RAW_BODIES[choice % RAW_BODIES.length]?.(valid) ?? '');

/** Mostly as usual. */
function seldom<T, U>(odd: fc.Arbitrary<T>, usual: U): fc.Arbitrary<T | U> {
  return fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: odd });
}

/** What the contract says; where the draw is not tidy, with single values, headers or the whole body bent. */
export function requestTo(route: Route, draw: Draw): fc.Arbitrary<FuzzRequest> {
  const params = partOf(route.params, draw);
  const query = partOf(route.query, draw);
  return fc
    .tuple(
      fc.record(params),
      fc.record(query),
      draw.isTidy ? fc.constant('') : queryExtra,
      bodyOf(route, draw),
      draw.isTidy ? fc.constant({}) : seldom(fc.constantFrom(...HEADERS), {}),
      draw.isTidy
        ? fc.constant('application/json')
        : seldom(fc.constantFrom(...CONTENT_TYPES), 'application/json'),
    )
    .map(([path, fields, extra, body, headers, contentType]) => ({
      method: route.method,
      path: addressOf(route.path, path, fields, extra),
      headers: {
        ...(body === null || contentType === null ? {} : { 'content-type': contentType }),
        ...headers,
      },
      body,
    }));
}

function partOf(schema: Route['params'], draw: Draw): Readonly<Record<string, fc.Arbitrary<unknown>>> {
  const required = new Set(schema?.required ?? []);
  return Object.fromEntries(
    Object.entries<SchemaNode>((schema?.properties ?? {}) as Record<string, SchemaNode>).map(
      ([name, node]) => [
        name,
        required.has(name)
          ? draw.isTidy
            ? drawnValue(node, draw, name)
            : fc.oneof(
                { weight: 15, arbitrary: drawnValue(node, draw, name) },
                { weight: 1, arbitrary: fc.constant(undefined) },
              )
          : fc.oneof(
              { weight: 1, arbitrary: drawnValue(node, draw, name) },
              { weight: 2, arbitrary: fc.constant(undefined) },
            ),
      ],
    ),
  );
}

const queryExtra = seldom(
  fc.constantFrom(
    '__proto__[x]=1',
    'constructor=1',
    'page=1&page=2',
    'org_id[]=1',
    '%ff=%fe',
    'a=%00',
    '&&==&',
    'q=%ed%a0%80',
    `x=${'y'.repeat(5000)}`,
    'cursor=bm90IG91cnM',
    'page=1e9',
    'page_size=-1',
  ),
  '',
);

function bodyOf(route: Route, draw: Draw): fc.Arbitrary<Buffer | null> {
  if (route.body === undefined) {
    return draw.isTidy || route.method === 'GET'
      ? fc.constant(null)
      : seldom(
          fc.nat().map((choice) => rawBody('{"a":1}', choice)),
          null,
        );
  }
  const valid = drawnValue(route.body as SchemaNode, draw).map((value) => JSON.stringify(value ?? null));
  if (draw.isTidy) return valid.map((text) => Buffer.from(text));
  return fc.oneof(
    { weight: 10, arbitrary: valid.map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: nastyValue.map((value) => Buffer.from(JSON.stringify(value) ?? 'null')) },
    {
      weight: 3,
      arbitrary: fc.tuple(valid, fc.nat()).map(([text, choice]) => rawBody(text, choice)),
    },
    { weight: 1, arbitrary: fc.constant(null) },
  );
}

function addressOf(
  path: string,
  params: Readonly<Record<string, unknown>>,
  query: Readonly<Record<string, unknown>>,
  extra: string,
): string {
  const filled = path.replaceAll(/:([a-z_]+)/g, (_, name: string) => encode(params[name]));
  const fields = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encode(value)}`],
  );
  const search = [...fields, ...(extra === '' ? [] : [extra])].join('&');
  return `${filled}${search === '' ? '' : `?${search}`}`.slice(0, 12_000);
}

/** Half characters cannot be in an address; their bytes can. */
function encode(value: unknown): string {
  if (value === undefined) return '';
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return NASTY_TEXTS.includes(text) && text.startsWith('%') ? text : encodeURIComponent(text.toWellFormed());
}
