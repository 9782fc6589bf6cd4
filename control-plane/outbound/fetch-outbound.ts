/**
 * Calls an address that a user has set: resolves the name itself, checks every address that it has, connects to exactly
 * the one that it checked, and checks each redirect in the same way.
 */
import { lookup } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';
import { isPublicAddress } from './address.ts';
import { type Exchange, exchange, type PinnedAddress, type Reply } from './exchange.ts';
import { OutboundError } from './outbound-error.ts';
import { checkOutboundUrl, type OutboundPolicy, PUBLIC_HTTPS } from './outbound-url.ts';

const MAX_REDIRECTS = 3;
const TIMEOUT_MS = 10_000;
const MAX_REPLY_BYTES = 1024 * 1024;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Meant for the host that the caller named, not for one that this host names. */
const PRIVATE_HEADERS: ReadonlySet<string> = new Set([
  ...['authorization', 'cookie', 'proxy-authorization', 'x-api-key'],
]);

export type Resolve = (name: string) => Promise<readonly PinnedAddress[]>;

export interface OutboundRequest {
  readonly method?: Exchange['method'];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly policy?: OutboundPolicy;
  /** For everything, redirects included. */
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
  /** PEM; instead of Node's own authorities. */
  readonly ca?: string;
  /** Default: the system's resolver. */
  readonly resolve?: Resolve;
}
export interface OutboundReply extends Reply {
  /** Where the answer came from, after redirects. */
  readonly url: URL;
}

/** @throws OutboundError with every code that there is */
export async function fetchOutbound(text: string, request: OutboundRequest = {}): Promise<OutboundReply> {
  const { policy = PUBLIC_HTTPS, timeoutMs = TIMEOUT_MS, maxBytes = MAX_REPLY_BYTES } = request;
  const endsAtMs = performance.now() + timeoutMs;
  let url = checkOutboundUrl(text, policy);
  let sent: Pick<Exchange, 'method' | 'headers' | 'body'> = {
    method: request.method ?? 'GET',
    headers: lowerCased(request.headers ?? {}),
    ...(request.body === undefined ? {} : { body: request.body }),
  };
  for (let redirects = 0; ; redirects += 1) {
    const leftMs = () => Math.max(1, Math.ceil(endsAtMs - performance.now()));
    const address = await within(leftMs(), pin(url, policy, request.resolve ?? resolveBySystem));
    const reply = await exchange({
      ...sent,
      ...{ url, address, maxBytes, timeoutMs: leftMs() },
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      ...(request.ca === undefined ? {} : { ca: request.ca }),
    });
    const { location } = reply.headers;
    if (!REDIRECTS.has(reply.status) || location === undefined) return { ...reply, url };
    if (redirects >= MAX_REDIRECTS) {
      throw new OutboundError('too_many_redirects', `more than ${MAX_REDIRECTS} redirects`);
    }
    const next = redirectTarget(url, location, policy);
    sent = redirected(sent, reply.status, next.origin === url.origin);
    url = next;
  }
}

/** One address of the host, after all of them passed: a name with one inside address is a trap. */
async function pin(url: URL, policy: OutboundPolicy, resolve: Resolve): Promise<PinnedAddress> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = ipaddr.isValid(host)
    ? [{ address: host, family: ipaddr.parse(host).kind() === 'ipv4' ? (4 as const) : (6 as const) }]
    : await resolve(host);
  const [first] = addresses;
  if (first === undefined) throw new OutboundError('unknown_host', 'the host name has no address');
  if (!addresses.every(({ address }) => isPublicAddress(address, policy.allowedNetworks))) {
    throw new OutboundError('address_refused', 'the host name leads to an address that is not public');
  }
  return first;
}

const resolveBySystem: Resolve = async (name) => {
  try {
    const found = await lookup(name, { all: true, verbatim: true });
    return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
  } catch (cause) {
    throw new OutboundError('unknown_host', 'the host name cannot be resolved', { cause });
  }
};

function redirectTarget(from: URL, location: string, policy: OutboundPolicy): URL {
  // What the text means is settled here; whether we go there, by the same check as for the first address.
  const target = URL.canParse(location, from.href) ? new URL(location, from) : null;
  if (target === null) throw new OutboundError('redirect_refused', 'the redirect leads to no address');
  if (from.protocol === 'https:' && target.protocol !== 'https:') {
    throw new OutboundError('redirect_refused', 'the redirect leaves encryption');
  }
  target.hash = '';
  return checkOutboundUrl(target.href, policy);
}

function redirected(
  sent: Pick<Exchange, 'method' | 'headers' | 'body'>,
  status: number,
  isSameOrigin: boolean,
): Pick<Exchange, 'method' | 'headers' | 'body'> {
  const becomesGet = status === 303 ? sent.method !== 'HEAD' : status < 303 && sent.method === 'POST';
  const { body, ...rest } = sent;
  const headers = Object.fromEntries(
    Object.entries(sent.headers).filter(
      ([name]) =>
        (isSameOrigin || !PRIVATE_HEADERS.has(name)) && (!becomesGet || !name.startsWith('content-')),
    ),
  );
  if (becomesGet) return { method: 'GET', headers };
  return { ...rest, headers, ...(body === undefined ? {} : { body }) };
}

const lowerCased = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new OutboundError('timeout', 'the name was not resolved in time')),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
