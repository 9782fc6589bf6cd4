/** Fetch for the provider's own addresses: no redirects, bounded in size; time limits come from the callers' signals. */
import type { FetchBody } from 'openid-client';

/** Key sets and tokens have some 10 kB. */
const MAX_ANSWER_BYTES = 256 * 1024;

/** @throws Error for an answer that is too large, and what fetch throws. */
export async function boundedFetch(
  url: string,
  options: {
    body?: FetchBody;
    headers?: Record<string, string> | Headers | undefined;
    method?: string | undefined;
    signal?: AbortSignal | undefined;
  },
): Promise<Response> {
  const { body, headers, method, signal } = options;
  const response = await fetch(url, {
    redirect: 'manual',
    ...(body === undefined || body === null ? {} : { body: body as string }),
    ...(headers === undefined ? {} : { headers }),
    ...(method === undefined ? {} : { method }),
    ...(signal === undefined ? {} : { signal }),
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) {
      throw new Error(`the identity provider answered more than ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  const isEmpty = response.status === 204 || response.status === 304;
  return new Response(isEmpty ? null : Buffer.concat(chunks), {
    status: response.status,
    headers: response.headers,
  });
}
