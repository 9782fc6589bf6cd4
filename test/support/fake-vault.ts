/**
 * A server that speaks HashiCorp Vault's documented HTTP API as far as we use it: AppRole and Kubernetes sign-in, token
 * lookup and renewal, transit, KV version 2. Written from the public documents; it is not Vault.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const ROOT_TOKEN = 'hvs.root-of-the-test';
export const ROLE_ID = 'role-of-the-test';
export const SECRET_ID = 'secret-id-of-the-test';
export const KUBERNETES_JWT = 'jwt-of-the-test';

export interface FakeVault {
  readonly address: string;
  /** KV version 2: path below the mount → data; null = deleted version. */
  readonly kv: Map<string, Record<string, unknown> | null>;
  /** Every path asked for, with its status. */
  readonly requests: { method: string; path: string; status: number }[];
  /** Answers of the next requests, before anything else is done: `reset` closes the connection. */
  readonly faults: (number | 'reset')[];
  isSealed: boolean;
  /** Life of the tokens that sign-in gives, seconds. */
  leaseSeconds: number;
  /** Tokens given so far are good for nothing. */
  revokeTokens(): void;
  transitVersion(): number;
  stop(): Promise<void>;
}

export async function startFakeVault(): Promise<FakeVault> {
  const tokens = new Map<string, number>([[ROOT_TOKEN, Number.POSITIVE_INFINITY]]);
  const transitKeys: Buffer[] = [randomBytes(32)];
  const state = { isSealed: false, leaseSeconds: 3600 };
  const kv: FakeVault['kv'] = new Map();
  const requests: FakeVault['requests'] = [];
  const faults: FakeVault['faults'] = [];

  function issue(): object {
    const token = `hvs.${randomBytes(12).toString('base64url')}`;
    tokens.set(token, Date.now() + state.leaseSeconds * 1000);
    return { auth: { client_token: token, lease_duration: state.leaseSeconds, renewable: true } };
  }

  function answer(request: IncomingMessage, body: Record<string, unknown>): [number, unknown] {
    if (state.isSealed) return [503, { errors: ['Vault is sealed'] }];
    const path = decodeURIComponent((request.url ?? '').replace(/^\/v1\//, ''));
    if (path === 'auth/approle/login') {
      const isRight = body.role_id === ROLE_ID && body.secret_id === SECRET_ID;
      return isRight ? [200, issue()] : [400, { errors: ['invalid role or secret ID'] }];
    }
    if (path === 'auth/kubernetes/login') {
      return body.jwt === KUBERNETES_JWT ? [200, issue()] : [403, { errors: ['permission denied'] }];
    }
    const token = String(request.headers['x-vault-token'] ?? '');
    if ((tokens.get(token) ?? 0) < Date.now()) return [403, { errors: ['permission denied'] }];
    if (path === 'auth/token/lookup-self') {
      const ttl = token === ROOT_TOKEN ? 0 : Math.ceil(((tokens.get(token) ?? 0) - Date.now()) / 1000);
      return [200, { data: { ttl, renewable: token !== ROOT_TOKEN } }];
    }
    if (path === 'auth/token/renew-self') {
      if (token === ROOT_TOKEN) return [400, { errors: ['lease is not renewable'] }];
      tokens.set(token, Date.now() + state.leaseSeconds * 1000);
      return [200, { auth: { client_token: token, lease_duration: state.leaseSeconds, renewable: true } }];
    }
    if (path.startsWith('transit/')) return transit(path, body);
    if (path.startsWith('secret/data/')) {
      const data = kv.get(path.slice('secret/data/'.length));
      if (data === undefined) return [404, { errors: [] }];
      return [data === null ? 404 : 200, { data: { data, metadata: { version: 1 } } }];
    }
    return [404, { errors: ['no handler for route'] }];
  }

  function transit(path: string, body: Record<string, unknown>): [number, unknown] {
    const associated = Buffer.from(String(body.associated_data ?? ''), 'base64');
    if (path === 'transit/keys/ops-center-edge/rotate') {
      transitKeys.push(randomBytes(32));
      return [200, { data: { latest_version: transitKeys.length } }];
    }
    if (path === 'transit/encrypt/ops-center-edge') {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', transitKeys.at(-1) ?? Buffer.alloc(0), iv);
      cipher.setAAD(associated);
      const text = [cipher.update(Buffer.from(String(body.plaintext), 'base64')), cipher.final()];
      const ciphertext = Buffer.concat([iv, ...text, cipher.getAuthTag()]).toString('base64');
      return [200, { data: { ciphertext: `vault:v${transitKeys.length}:${ciphertext}` } }];
    }
    if (path === 'transit/decrypt/ops-center-edge') {
      const [, version, ciphertext = ''] = /^vault:v(\d+):(.+)$/.exec(String(body.ciphertext)) ?? [];
      const key = transitKeys[Number(version) - 1];
      const bytes = Buffer.from(ciphertext, 'base64');
      if (key === undefined || bytes.length < 28) return [400, { errors: ['invalid ciphertext'] }];
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
      decipher.setAAD(associated);
      decipher.setAuthTag(bytes.subarray(-16));
      try {
        const text = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
        return [200, { data: { plaintext: text.toString('base64') } }];
      } catch {
        return [400, { errors: ['cipher: message authentication failed'] }];
      }
    }
    return [403, { errors: ['permission denied'] }];
  }

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void readJson(request).then((body) => {
      const fault = faults.shift();
      if (fault === 'reset') return void request.socket.destroy();
      const [status, reply] = fault === undefined ? answer(request, body) : [fault, { errors: ['as asked'] }];
      requests.push({ method: request.method ?? '', path: request.url ?? '', status });
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ kv, requests, faults },
    get isSealed() {
      return state.isSealed;
    },
    set isSealed(value) {
      state.isSealed = value;
    },
    get leaseSeconds() {
      return state.leaseSeconds;
    },
    set leaseSeconds(value) {
      state.leaseSeconds = value;
    },
    revokeTokens() {
      for (const token of tokens.keys()) if (token !== ROOT_TOKEN) tokens.delete(token);
    },
    transitVersion: () => transitKeys.length,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text === '' ? {} : JSON.parse(text);
}
