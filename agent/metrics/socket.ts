/** The Unix socket for programs of this device: one JSON object a line, one answer a line, in order. */
import { createServer, type Socket } from 'node:net';
import type { Refusals } from './refusals.ts';
import { listenOnFile } from './socket-file.ts';

export const MAX_LINE_BYTES = 64 * 1024;
export const MAX_CONNECTIONS = 32;
/** A program that says nothing for this long gives its place to another. */
export const IDLE_MS = 600_000;
/** Answers that wait for a program which does not read them; then its lines wait, too. */
const MAX_UNREAD_BYTES = 64 * 1024;
const DISMISS_MS = 1000;

export interface MetricSocketOptions {
  readonly path: string;
  /** Null: the agent's own. */
  readonly group: string | null;
  /** Null when the line was taken, else one sentence that begins with the field. Must not throw. */
  readonly take: (line: string) => string | null;
  readonly refusals: Refusals;
  readonly idleMs?: number;
}

export interface MetricSocket {
  /** Ends all connections and removes the file. */
  close(): Promise<void>;
}

/** @throws Error when the socket cannot be put in place. */
export async function openMetricSocket(options: MetricSocketOptions): Promise<MetricSocket> {
  const { path, group, take, refusals, idleMs = IDLE_MS } = options;
  const connections = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    if (connections.size >= MAX_CONNECTIONS) {
      refusals.count('rate');
      dismiss(socket, `connection: more than ${MAX_CONNECTIONS} at a time`);
      return;
    }
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    socket.setTimeout(idleMs, () => socket.destroy());
    serve(socket, take, refusals);
  });
  const file = await listenOnFile(server, path, group);
  // An error of accept, e.g. too many open files, costs that connection only.
  server.on('error', () => refusals.count('rate'));
  return {
    async close() {
      await file.remove();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

function serve(socket: Socket, take: (line: string) => string | null, refusals: Refusals): void {
  /** Pieces of a line whose end has not come yet. */
  let pieces: Buffer[] = [];
  let heldBytes = 0;
  const answer = (bytes: Buffer): void => {
    const line = decodeLine(bytes);
    if (line === '') return;
    if (line === null) refusals.count('malformed');
    const problem = line === null ? 'line: is not UTF-8' : take(line);
    socket.write(problem === null ? OK : errorLine(problem));
  };
  /** False when the line is too long. */
  const hold = (piece: Buffer): boolean => {
    heldBytes += piece.length;
    if (heldBytes > MAX_LINE_BYTES) return false;
    // Copied, so that a short piece does not keep a long chunk in memory.
    if (piece.length > 0) pieces.push(Buffer.from(piece));
    return true;
  };
  const release = (): Buffer => {
    const line = Buffer.concat(pieces);
    pieces = [];
    heldBytes = 0;
    return line;
  };
  const refuseLong = (): void => {
    refusals.count('too_large');
    release();
    dismiss(socket, `line: longer than ${MAX_LINE_BYTES} bytes`);
  };
  socket.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      if (!hold(chunk.subarray(from, end))) return refuseLong();
      answer(release());
      from = end + 1;
    }
    if (!hold(chunk.subarray(from))) return refuseLong();
    if (socket.writableLength > MAX_UNREAD_BYTES) {
      socket.pause();
      socket.once('drain', () => socket.resume());
    }
  });
  socket.on('end', () => {
    if (heldBytes > 0) answer(release());
    socket.end();
  });
}

/** Says why, and hangs up a moment later: hanging up on unread bytes at once would lose the answer. */
function dismiss(socket: Socket, reason: string): void {
  socket.removeAllListeners('data');
  socket.removeAllListeners('end');
  socket.resume();
  socket.end(errorLine(reason));
  const timer = setTimeout(() => socket.destroy(), DISMISS_MS);
  socket.once('close', () => clearTimeout(timer));
}

const NEWLINE = 0x0a;
const OK = '{"ok":true}\n';
const errorLine = (error: string): string => `${JSON.stringify({ error })}\n`;

/** Null when it is not UTF-8; blank lines are empty. */
function decodeLine(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).trim();
  } catch {
    return null;
  }
}
