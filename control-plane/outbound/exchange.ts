/** One HTTP request and its whole answer, within a time and a size; follows no redirect and keeps no connection. */
import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { OutboundError } from './outbound-error.ts';

export interface Exchange {
  readonly url: URL;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** For all of it: connection, request, answer. */
  readonly timeoutMs: number;
  /** Of the answer's body. */
  readonly maxBytes: number;
  /** Connects there, whatever the name resolves to by now; TLS still checks the name. */
  readonly address?: PinnedAddress;
  /** PEM; instead of Node's own authorities. */
  readonly ca?: string;
  readonly signal?: AbortSignal;
}
export interface PinnedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** @throws OutboundError 'timeout', 'too_large', 'unreachable' */
export async function exchange(asked: Exchange): Promise<Reply> {
  const deadline = AbortSignal.timeout(asked.timeoutMs);
  const signal = asked.signal === undefined ? deadline : AbortSignal.any([deadline, asked.signal]);
  try {
    const response = await send(asked, signal);
    const body = await readBody(response, asked.maxBytes);
    return { status: response.statusCode ?? 0, headers: response.headers, body };
  } catch (cause) {
    if (cause instanceof OutboundError) throw cause;
    if (deadline.aborted)
      throw new OutboundError('timeout', `no answer within ${asked.timeoutMs} ms`, { cause });
    throw new OutboundError('unreachable', `the connection failed (${codeOf(cause)})`, { cause });
  }
}

function send(asked: Exchange, signal: AbortSignal): Promise<IncomingMessage> {
  const { url, address } = asked;
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: asked.method,
      headers: { 'accept-encoding': 'identity', ...asked.headers },
      // A kept connection would have been checked for another request.
      agent: false,
      signal,
      ...(address === undefined ? {} : { lookup: lookupOf(address) }),
      ...(asked.ca === undefined ? {} : { ca: asked.ca }),
    });
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    outgoing.end(asked.body);
  });
}

/** Answers every question with the address that was checked. */
const lookupOf =
  ({ address, family }: PinnedAddress): LookupFunction =>
  (_host, options, callback) => {
    if (options.all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };

async function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    // Leaving the loop destroys the connection.
    if (size > maxBytes) throw new OutboundError('too_large', `the answer has more than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'no reason given';
