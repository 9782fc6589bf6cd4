/** JSON over HTTPS (TLS 1.3), bounded in time and size. */
import { request } from 'node:https';
import { messageOf } from './errors.ts';
import type { Pair } from './identity.ts';

const TIMEOUT_MS = 10_000;
const MAX_REPLY_BYTES = 1024 * 1024;

export interface HttpsRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly body?: unknown;
  readonly token?: string;
  /** PEM bundle to trust; undefined = the system's store. */
  readonly ca: string | undefined;
  /** Client certificate. */
  readonly pair?: Pair;
}

export interface HttpsReply {
  readonly status: number;
  /** Undefined when the body is not JSON. */
  readonly body: unknown;
  /** 0 = the server says nothing. */
  readonly retryAfterMs: number;
}

/** No reply came. `isTrust`: because the server's certificate is not trusted, which waiting does not mend. */
export class HttpsError extends Error {
  override name = 'HttpsError';
  readonly isTrust: boolean;

  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
    this.isTrust = cause instanceof Error && 'code' in cause && TRUST_CODES.has(String(cause.code));
  }
}

/** Source: Node's `tls` documentation, X509 certificate error codes. */
const TRUST_CODES: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** @throws HttpsError when no whole reply came within 10 s. */
export async function sendJson({ method, url, body, token, ca, pair }: HttpsRequest): Promise<HttpsReply> {
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  try {
    return await new Promise<HttpsReply>((resolve, reject) => {
      const call = request(
        url,
        {
          method,
          minVersion: 'TLSv1.3',
          // A connection of its own: calls are rare, and an idle one would keep the process from ending.
          agent: false,
          signal: AbortSignal.timeout(TIMEOUT_MS),
          ...(ca === undefined ? {} : { ca }),
          ...(pair === undefined ? {} : { key: pair.private_key, cert: pair.certificate_chain }),
          headers: {
            accept: 'application/json',
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': payload.length }),
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
        },
        (reply) => {
          const chunks: Buffer[] = [];
          let size = 0;
          reply.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > MAX_REPLY_BYTES) reply.destroy(new Error('the reply is too large'));
            else chunks.push(chunk);
          });
          reply.on('error', reject);
          reply.on('end', () =>
            resolve({
              status: reply.statusCode ?? 0,
              body: parse(Buffer.concat(chunks).toString('utf8')),
              retryAfterMs: parseRetryAfter(reply.headers['retry-after']),
            }),
          );
        },
      );
      call.on('error', reject);
      call.end(payload);
    });
  } catch (error) {
    throw new HttpsError(error);
  }
}

/** Longest wait that a server may ask for. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** Seconds only; the date form is treated as absent. Source: RFC 9110 §10.2.3. */
export const parseRetryAfter = (header: string | undefined): number =>
  header !== undefined && /^\d+$/.test(header) ? Math.min(Number(header) * 1000, MAX_RETRY_AFTER_MS) : 0;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
