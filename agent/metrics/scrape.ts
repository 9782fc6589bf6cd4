/** Fetches one page of metrics, bounded in time and size. */
import { messageOf } from '../errors.ts';

/** Longest reply, unpacked: some ten thousand samples. */
export const MAX_SCRAPE_BYTES = 2 * 1024 * 1024;
export const SCRAPE_TIMEOUT_MS = 5000;

const ACCEPT = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

export type Scraped =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly refusal: 'unreachable' | 'too_large'; readonly reason: string };

/** Redirects are not followed: only what was configured is asked. */
export async function scrape(
  url: string,
  stopping: AbortSignal,
  { timeoutMs = SCRAPE_TIMEOUT_MS, maxBytes = MAX_SCRAPE_BYTES } = {},
): Promise<Scraped> {
  try {
    const response = await fetch(url, {
      headers: { accept: ACCEPT },
      redirect: 'manual',
      signal: AbortSignal.any([stopping, AbortSignal.timeout(timeoutMs)]),
    });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      return { ok: false, refusal: 'unreachable', reason: `answered ${response.status}` };
    }
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body) {
      bytes += chunk.byteLength;
      // Leaving the loop cancels the body, and with it the connection.
      if (bytes > maxBytes) return { ok: false, refusal: 'too_large', reason: `more than ${maxBytes} bytes` };
      chunks.push(chunk);
    }
    return { ok: true, text: Buffer.concat(chunks).toString('utf8') };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return { ok: false, refusal: 'unreachable', reason: messageOf(cause) };
  }
}
