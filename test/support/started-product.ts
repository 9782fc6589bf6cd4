/** The product as its user starts it: `control-plane/main.ts` as a process, its JSON lines, and its API. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Type } from 'typebox';
import { decodeValue } from '#contract';

const ROOT = resolve(import.meta.dirname, '../..');

export const ReadyEvent = Type.Object({
  event: Type.Literal('ready'),
  http: Type.String(),
  https: Type.String(),
  mqtt: Type.String(),
  admin_email: Type.String(),
  admin_password: Type.Union([Type.String(), Type.Null()]),
  seconds: Type.Number(),
});

export interface ReadyFacts {
  readonly http: string;
  readonly https: string;
  readonly mqtt: string;
  readonly adminEmail: string;
  readonly adminPassword: string | null;
  readonly seconds: number;
}

export interface StartedProduct {
  readonly process: ChildProcess;
  /** Lines of standard output so far. */
  readonly lines: readonly string[];
  stderr(): string;
  /** @throws Error with all output when it ends first or the deadline passes. */
  ready(timeoutMs: number): Promise<ReadyFacts>;
  /** Exit code; null when it was killed. */
  readonly ended: Promise<number | null>;
}

/** `command`: e.g. `npm start --` in a clone; default: this Node on this checkout. */
export function startProduct(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; command?: readonly string[]; cwd?: string } = {},
): StartedProduct {
  const [program = process.execPath, ...first] = options.command ?? [
    process.execPath,
    'control-plane/main.ts',
  ];
  const child = spawn(program, [...first, '--log-format', 'json', ...args], {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  let errors = '';
  const facts = Promise.withResolvers<ReadyFacts>();
  facts.promise.catch(() => undefined);
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    if (!line.includes('"event":"ready"')) return;
    const decoded = decodeValue(ReadyEvent, JSON.parse(line));
    if (!decoded.ok) {
      facts.reject(new Error(`the ready line is not as promised: ${decoded.reason}`));
      return;
    }
    const {
      http,
      https,
      mqtt,
      admin_email: adminEmail,
      admin_password: adminPassword,
      seconds,
    } = decoded.value;
    facts.resolve({ http, https, mqtt, adminEmail, adminPassword, seconds });
  });
  const ended = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : null));
  const output = (): string => [...lines.slice(-40), errors].join('\n');
  void ended.then((code) => facts.reject(new Error(`it ended (${code}) before it was ready:\n${output()}`)));
  return {
    process: child,
    lines,
    stderr: () => errors,
    ready(timeoutMs) {
      const deadline = setTimeout(
        () => facts.reject(new Error(`not ready after ${timeoutMs} ms:\n${output()}`)),
        timeoutMs,
      );
      return facts.promise.finally(() => clearTimeout(deadline));
    },
    ended,
  };
}

export interface SignedIn {
  get(path: string): Promise<unknown>;
  post(path: string, body: unknown): Promise<unknown>;
}

/** Signs in over HTTP; a one-time password is changed first, as the console makes people do. */
export async function signIn(http: string, email: string, password: string): Promise<SignedIn> {
  const reply = await fetch(`${http}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
  });
  const me = await bodyOf(reply, LoginReply);
  const headers = {
    cookie: (reply.headers.get('set-cookie') ?? '').split(';')[0] ?? '',
    'x-csrf-token': me.csrf_token,
  };
  const session: SignedIn = {
    get: async (path) => bodyOf(await fetch(http + path, { headers }), Type.Unknown()),
    post: async (path, body) =>
      bodyOf(
        await fetch(http + path, {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
        Type.Unknown(),
      ),
  };
  if (!me.must_change_password) return session;
  const chosen = `${password}-and-more`;
  await session.post('/api/v1/auth/password', { current_password: password, new_password: chosen });
  return signIn(http, email, chosen);
}

const LoginReply = Type.Object({ csrf_token: Type.String(), must_change_password: Type.Boolean() });
const DeviceList = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.String(),
      device_name: Type.String(),
      status: Type.String(),
      last_seen: Type.Union([Type.String(), Type.Null()]),
      organization_id: Type.String(),
    }),
  ),
});

export interface ListedDevice {
  readonly id: string;
  readonly device_name: string;
  readonly status: string;
  readonly last_seen: string | null;
  readonly organization_id: string;
}

export async function listDevices(session: SignedIn): Promise<readonly ListedDevice[]> {
  const decoded = decodeValue(DeviceList, await session.get('/api/v1/admin/edge/devices?page_size=100'));
  if (!decoded.ok) throw new Error(decoded.reason);
  return decoded.value.items;
}

async function bodyOf<T extends Type.TSchema>(reply: Response, schema: T): Promise<Type.Static<T>> {
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${reply.url}: ${reply.status} ${text}`);
  const decoded = decodeValue(schema, text === '' ? null : JSON.parse(text));
  if (!decoded.ok) throw new Error(`${reply.url}: ${decoded.reason}`);
  return decoded.value;
}
