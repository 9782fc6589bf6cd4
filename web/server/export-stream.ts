/** Writes an export to its client as fast as that reads: no faster, and no longer. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { AppError } from '#control-plane';
import { brokenOffText, type ExportFormat, type ExportText, headerOf, textOf } from './export-rows.ts';
import type { Log } from './log.ts';
import { securityHeaders } from './security-headers.ts';

/** Lines are put together up to here: one write per line would cost more than the line. */
const CHUNK_CHARS = 64 * 1024;
/** A client that takes nothing for so long does not get the rest. */
export const EXPORT_STALL_MS = 60_000;

const CONTENT_TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson; charset=utf-8',
};

export interface ExportStream<T> {
  readonly rows: AsyncIterable<T>;
  readonly text: ExportText<T>;
  readonly format: ExportFormat;
  /** Without its ending. */
  readonly fileName: string;
  readonly requestId: string;
  readonly secure: boolean;
  readonly log: Log;
  readonly stallMs?: number;
}

/** Nothing is sent before the first row is there, so that an early error is an answer like any other. */
export async function sendExport<T>(reply: FastifyReply, options: ExportStream<T>): Promise<void> {
  const rows = options.rows[Symbol.asyncIterator]();
  const first = await rows.next();
  reply.hijack();
  const response = reply.raw;
  response.writeHead(200, {
    ...securityHeaders(options.secure),
    'content-type': CONTENT_TYPES[options.format],
    'content-disposition': `attachment; filename="${options.fileName}.${options.format}"`,
  });
  response.on('error', (error) => options.log.debug({ err: error }, 'export broke'));
  try {
    await writeRows(response, first, rows, options);
    response.end();
  } catch (error) {
    breakOff(response, error, options);
  } finally {
    await rows.return?.();
  }
}

async function writeRows<T>(
  response: ServerResponse,
  first: IteratorResult<T>,
  rows: AsyncIterator<T>,
  { format, text, stallMs = EXPORT_STALL_MS }: ExportStream<T>,
): Promise<void> {
  let chunk = headerOf(format, text);
  try {
    for (let next = first; next.done !== true; next = await rows.next()) {
      chunk += textOf(next.value, format, text);
      if (chunk.length < CHUNK_CHARS) continue;
      if (response.destroyed) return;
      const full = chunk;
      chunk = '';
      if (!response.write(full)) await drained(response, stallMs);
    }
  } finally {
    // Also what came before an error.
    if (chunk !== '' && !response.destroyed) response.write(chunk);
  }
}

/** Resolves too when the client is gone; destroys the response of one that takes nothing. */
async function drained(response: ServerResponse, stallMs: number): Promise<void> {
  const ended = new AbortController();
  const stalled = setTimeout(() => response.destroy(), stallMs);
  try {
    if (response.destroyed) return;
    await Promise.race([
      once(response, 'drain', { signal: ended.signal }),
      once(response, 'close', { signal: ended.signal }),
    ]);
  } finally {
    clearTimeout(stalled);
    ended.abort();
  }
}

/** The file says that it is not whole, and the connection ends without the end of the body. */
function breakOff<T>(
  response: ServerResponse,
  error: unknown,
  { format, requestId, log }: ExportStream<T>,
): void {
  const code = error instanceof AppError ? error.code : 'internal';
  log.error({ err: error, requestId, code }, 'export broke off');
  if (response.destroyed) return;
  response.write(brokenOffText(format, code, requestId), () => response.destroy());
}
