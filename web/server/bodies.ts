/** Reads request bodies: which types, how large, and what no schema can say. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { decodeValue } from '#contract';
import { AppError } from '#control-plane';
import { isAcceptedContentType } from './content-type.ts';
import { ImportCsvError, importBodyFromCsv } from './import-csv.ts';
import { findJsonFault } from './json-text.ts';
import { invalidField } from './problems.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route takes text/csv beside JSON. */
    acceptsCsv?: boolean;
    /** Whether the route takes a form, and nothing but a form. */
    acceptsForm?: boolean;
  }
}

export const BODY_LIMIT_BYTES = 1024 * 1024;
/** Imports of 5,000 rows and batches of 1,000 records. */
export const LARGE_BODY_LIMIT_BYTES = 4 * 1024 * 1024;

const Anything = Type.Unknown();
const FORM = 'application/x-www-form-urlencoded';

/** JSON everywhere, CSV where the route says so, nothing else. */
export function addBodyParsers(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    checkContentType(request, request.routeOptions.config.acceptsForm === true ? [] : ['application/json']);
    // An empty body is no body: the schema of the route says whether one is needed.
    if (bytes.length === 0) return done(null, undefined);
    const text = decodeUtf8(bytes);
    const fault = findJsonFault(text);
    if (fault !== null) throw invalidField('body', fault);
    void parseJson(request, text, done);
  });
  app.addContentTypeParser<Buffer>('text/csv', { parseAs: 'buffer' }, (request, bytes, done) => {
    if (request.routeOptions.config.acceptsCsv !== true) {
      throw new AppError('request.unsupported_media_type');
    }
    checkContentType(request, ['text/csv']);
    done(null, parseImport(decodeUtf8(bytes), request.query));
  });
  app.addContentTypeParser<Buffer>(FORM, { parseAs: 'buffer' }, (request, bytes, done) => {
    checkContentType(request, request.routeOptions.config.acceptsForm === true ? [FORM] : []);
    done(null, parseForm(decodeUtf8(bytes)));
  });
}

/** @throws AppError 'request.invalid' for a field that stands twice */
function parseForm(text: string): Record<string, string> {
  const fields = new URLSearchParams(text);
  const names = [...fields.keys()];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalidField('body', 'a field stands twice');
  return Object.fromEntries(fields);
}

/**
 * Text that JSON and URLs allow and PostgreSQL does not (U+0000, half a character).
 * @throws AppError 'request.invalid'
 */
export function checkBody(value: unknown, path: 'body' | 'query'): void {
  const decoded = decodeValue(Anything, value);
  if (!decoded.ok) throw invalidField(path, decoded.reason);
}

function checkContentType(request: FastifyRequest, accepted: readonly string[]): void {
  if (!isAcceptedContentType(request.headers['content-type'] ?? '', accepted)) {
    throw new AppError('request.unsupported_media_type');
  }
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalidField('body', 'is not text in UTF-8');
  }
}

function parseImport(text: string, query: unknown): unknown {
  try {
    return importBodyFromCsv(text, typeof query === 'object' && query !== null ? { ...query } : {});
  } catch (error) {
    if (error instanceof ImportCsvError) throw invalidField(error.path, error.message);
    throw error;
  }
}
