/** /api/docs: for people, and for programs. */
import type { FastifyInstance } from 'fastify';
import { buildOpenApi } from './openapi.ts';
import { docsPage } from './page.ts';
import { DOCS_STYLE } from './style.ts';

/** All four are made once, at start. */
export function registerDocs(app: FastifyInstance, deps: { version: string; asyncapi: unknown }): void {
  const openApi = JSON.stringify(buildOpenApi(deps.version));
  const asyncApi = JSON.stringify(deps.asyncapi);
  const page = docsPage(deps.version);
  const serve = (path: string, type: string, text: string) =>
    app.get(path, async (_request, reply) =>
      reply.type(`${type}; charset=utf-8`).header('cache-control', 'no-cache').send(text),
    );
  serve('/api/docs', 'text/html', page);
  serve('/api/docs/style.css', 'text/css', DOCS_STYLE);
  serve('/api/docs/openapi.json', 'application/json', openApi);
  serve('/api/docs/asyncapi.json', 'application/json', asyncApi);
}
