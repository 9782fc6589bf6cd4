/** HashiCorp Vault (and OpenBao, which speaks the same API): sign-in, renewal, and requests with a deadline. */
import { readFile } from 'node:fs/promises';
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import { exchange, type Reply } from '../outbound/exchange.ts';
import { OutboundError } from '../outbound/outbound-error.ts';

const REQUEST_TIMEOUT_MS = 5000;
/** Answers of ours are a few hundred bytes; a KV secret may have up to 1 MiB by Vault's own limit. */
const MAX_REPLY_BYTES = 1_200_000;
/** After a 429 or a 5xx, besides the first try. A sealed Vault (503) stays sealed for longer than any patience. */
const RETRIES = 2;
const RETRY_DELAY_MS = 200;
const MAX_RETRY_AFTER_MS = 2000;
/** A token is renewed, or made anew, after this share of its lease. */
const RENEW_SHARE = 2 / 3;
/** After a renewal that failed while the token still lives. */
const RENEW_AGAIN_MS = 5000;

export type VaultAuth =
  | { readonly method: 'token'; readonly token: string }
  | { readonly method: 'approle'; readonly roleId: string; readonly secretId: string }
  | { readonly method: 'kubernetes'; readonly role: string; readonly tokenFile: string };

export interface VaultConnection {
  /** https://host:8200 */
  readonly address: string;
  readonly namespace: string | null;
  /** PEM of the CA of Vault's certificate; null = those of Node. */
  readonly ca: string | null;
  readonly auth: VaultAuth;
}

/** Why Vault gave no answer that can be used. `message` holds no value, path or token. */
export class VaultError extends Error {
  override readonly name = 'VaultError';
  readonly kind: 'denied' | 'not_found' | 'refused' | 'sealed' | 'limited' | 'unavailable';

  constructor(kind: VaultError['kind'], message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.kind = kind;
  }
}

export interface VaultClient {
  /** @param path below /v1/. @throws VaultError */
  call(method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown>;
}

interface Token {
  readonly value: string;
  readonly isRenewable: boolean;
  /** Infinity: for ever. */
  readonly renewAtMs: number;
  readonly endsAtMs: number;
}

const AuthReply = Type.Object({
  auth: Type.Object({
    client_token: Type.String({ minLength: 1, maxLength: 4096 }),
    lease_duration: Type.Number({ minimum: 0 }),
    renewable: Type.Boolean(),
  }),
});
const LookupReply = Type.Object({
  data: Type.Object({ ttl: Type.Number({ minimum: 0 }), renewable: Type.Optional(Type.Boolean()) }),
});

export function createVaultClient(
  connection: VaultConnection,
  { now = () => new Date(), wait = waitMs }: { now?: () => Date; wait?: (ms: number) => Promise<void> } = {},
): VaultClient {
  const { auth } = connection;
  let held: Promise<Token> | null = null;

  async function send(method: 'GET' | 'POST', path: string, token: string | null, body: unknown) {
    for (let attempt = 0; ; attempt += 1) {
      const reply = await sendOnce(connection, method, path, token, body);
      const again = reply.status === 429 || (reply.status >= 500 && !isSealed(reply));
      if (!again || attempt >= RETRIES) return reply;
      await wait(delayOf(reply, attempt));
    }
  }

  async function login(): Promise<Token> {
    if (auth.method === 'token') return lookUp(auth.token);
    const reply =
      auth.method === 'approle'
        ? await send('POST', 'auth/approle/login', null, { role_id: auth.roleId, secret_id: auth.secretId })
        : await send('POST', 'auth/kubernetes/login', null, {
            role: auth.role,
            jwt: (await readServiceToken(auth.tokenFile)).trim(),
          });
    // What was wrong about our request is our role or secret: 400 here is a closed door too.
    if (reply.status === 400) throw new VaultError('denied', 'Vault denies the sign-in');
    return tokenOf(answerOf(reply), now());
  }

  /** How long a given token lives; one that may not look itself up is taken as it is. */
  async function lookUp(value: string): Promise<Token> {
    const reply = await send('GET', 'auth/token/lookup-self', value, undefined);
    const decoded = reply.status === 200 ? decodeValue(LookupReply, jsonOf(reply)) : null;
    if (decoded === null || !decoded.ok) return forEver(value);
    const { ttl, renewable = false } = decoded.value.data;
    return ttl === 0 ? forEver(value) : leased(value, ttl, renewable, now());
  }

  async function renewed(token: Token): Promise<Token> {
    if (token.isRenewable) {
      const reply = await send('POST', 'auth/token/renew-self', token.value, {});
      if (reply.status === 200) return tokenOf(jsonOf(reply), now());
    }
    // A given token cannot be made anew: it is good until it ends.
    if (auth.method === 'token') return { ...token, isRenewable: false, renewAtMs: token.endsAtMs };
    return login();
  }

  /** A Vault that does not answer takes nothing from a token that still lives. */
  async function renewedOrKept(token: Token): Promise<Token> {
    try {
      return await renewed(token);
    } catch (error) {
      const at = now().getTime();
      if (at >= token.endsAtMs) throw error;
      return { ...token, renewAtMs: Math.min(token.endsAtMs, at + RENEW_AGAIN_MS) };
    }
  }

  /** One sign-in or renewal at a time, whoever asks. */
  async function tokenNow(): Promise<Token> {
    held ??= login();
    const known = held;
    try {
      const token = await known;
      if (now().getTime() < token.renewAtMs) return token;
      // A given token that has ended is tried on: Vault says better than we why it is no good.
      if (token.renewAtMs === token.endsAtMs && auth.method === 'token') return token;
      if (held === known) held = renewedOrKept(token);
      return await held;
    } catch (error) {
      held = null;
      throw error;
    }
  }

  return {
    async call(method, path, body) {
      const token = await tokenNow();
      const reply = await send(method, path, token.value, body);
      // The token may have been revoked since; a new one is worth one try.
      if (reply.status === 403 && auth.method !== 'token') {
        held = null;
        const second = await tokenNow();
        return answerOf(await send(method, path, second.value, body));
      }
      return answerOf(reply);
    },
  };
}

async function sendOnce(
  { address, namespace, ca }: VaultConnection,
  method: 'GET' | 'POST',
  path: string,
  token: string | null,
  body: unknown,
): Promise<Reply> {
  try {
    return await exchange({
      url: new URL(`/v1/${path}`, address),
      method,
      headers: {
        'x-vault-request': 'true',
        ...(token === null ? {} : { 'x-vault-token': token }),
        ...(namespace === null ? {} : { 'x-vault-namespace': namespace }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(ca === null ? {} : { ca }),
      timeoutMs: REQUEST_TIMEOUT_MS,
      maxBytes: MAX_REPLY_BYTES,
    });
  } catch (cause) {
    if (!(cause instanceof OutboundError)) throw cause;
    throw new VaultError('unavailable', `Vault does not answer (${cause.code})`, { cause });
  }
}

/** The body of a success. @throws VaultError; Vault's own words stay out: they may name paths. */
function answerOf(reply: Reply): unknown {
  const { status } = reply;
  if (status >= 200 && status < 300) return jsonOf(reply);
  if (isSealed(reply)) throw new VaultError('sealed', 'Vault is sealed');
  if (status === 403 || status === 401) throw new VaultError('denied', 'Vault denies access');
  if (status === 404) throw new VaultError('not_found', 'Vault has nothing there');
  if (status === 429) throw new VaultError('limited', 'Vault limits our rate');
  if (status >= 500) throw new VaultError('unavailable', `Vault fails with status ${status}`);
  throw new VaultError('refused', `Vault refuses the request with status ${status}`);
}

const isSealed = ({ status, body }: Reply): boolean =>
  status === 503 && body.toString('utf8').includes('sealed');

function jsonOf({ body }: Reply): unknown {
  if (body.length === 0) return null;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new VaultError('unavailable', 'Vault answers with no JSON');
  }
}

function tokenOf(answer: unknown, at: Date): Token {
  const decoded = decodeValue(AuthReply, answer);
  if (!decoded.ok) throw new VaultError('unavailable', 'Vault gave no token');
  const { client_token: value, lease_duration: seconds, renewable } = decoded.value.auth;
  return seconds === 0 ? forEver(value) : leased(value, seconds, renewable, at);
}

const leased = (value: string, seconds: number, isRenewable: boolean, at: Date): Token => ({
  value,
  isRenewable,
  renewAtMs: at.getTime() + seconds * 1000 * RENEW_SHARE,
  endsAtMs: at.getTime() + seconds * 1000,
});
const forEver = (value: string): Token => ({
  value,
  isRenewable: false,
  renewAtMs: Number.POSITIVE_INFINITY,
  endsAtMs: Number.POSITIVE_INFINITY,
});

function delayOf(reply: Reply, attempt: number): number {
  const seconds = Number(reply.headers['retry-after']);
  const asked = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : RETRY_DELAY_MS * 2 ** attempt;
  return Math.min(asked, MAX_RETRY_AFTER_MS);
}

async function readServiceToken(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new VaultError('unavailable', 'the token file of the Kubernetes service account cannot be read', {
      cause,
    });
  }
}

const waitMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
