/** The built console and the downloads. Names are checked against a narrow grammar before any path is made. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { AppError } from '#control-plane';

/** Neither dot files nor `..`, neither `%`, `\` nor NUL: segments start with a letter, a digit, `_` or `-`. */
const FILE_PATH = /^(?:[\w-][\w.-]{0,199}\/){0,8}[\w-][\w.-]{0,199}$/;
const FILE_NAME = /^[\w-][\w.-]{0,199}$/;
/** Addresses of the console's own router. */
const CONSOLE_ADDRESS = /^(?:|login|admin(?:\/.*)?)$/s;
const ONE_YEAR_MS = 31_536_000_000;

/** Any `%2f` and `%5c` was decoded by the router already, so that the grammar sees what the file system would. */
export function registerConsole(app: FastifyInstance, consoleDir: string | null): void {
  app.get('/*', async (request, reply) => {
    const path = wildcardOf(request.params);
    if (CONSOLE_ADDRESS.test(path)) {
      return consoleDir === null ? sendNotBuilt(reply) : sendIndex(reply, consoleDir);
    }
    if (consoleDir === null || !FILE_PATH.test(path)) throw new AppError('route.not_found');
    const isHashed = path.startsWith('assets/');
    reply.header('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    return reply.sendFile(
      path,
      consoleDir,
      isHashed ? { maxAge: ONE_YEAR_MS, immutable: true } : { cacheControl: false },
    );
  });
}

/** Whatever lies in the folder under a plain name: the agent's tarball, Node for the installer. */
export function registerDownloads(app: FastifyInstance, downloadsDir: string): void {
  app.get<{ Params: { file: string } }>('/downloads/:file', async (request, reply) => {
    if (!FILE_NAME.test(request.params.file)) throw new AppError('route.not_found');
    reply.header('cache-control', 'no-cache');
    return reply.sendFile(request.params.file, downloadsDir, { cacheControl: false });
  });
}

function sendIndex(reply: FastifyReply, consoleDir: string): FastifyReply {
  reply.header('cache-control', 'no-cache');
  return reply.sendFile('index.html', consoleDir, { cacheControl: false });
}

function sendNotBuilt(reply: FastifyReply): FastifyReply {
  return reply
    .type('text/html; charset=utf-8')
    .send(
      '<!doctype html><html lang="en"><title>Ops-Center Edge</title>' +
        '<p>The console is not built. Run <code>npm run build:console</code> and start again. ' +
        'The API is described at <a href="/api/docs">/api/docs</a>.</p></html>',
    );
}

const wildcardOf = (params: unknown): string =>
  typeof params === 'object' && params !== null && '*' in params ? String(params['*']) : '';
