/** What is decided on the text of a request before any schema: JSON, content types, query strings, origins. */
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { isAcceptedContentType } from '../../../web/server/content-type.ts';
import { findJsonFault, MAX_JSON_DEPTH } from '../../../web/server/json-text.ts';
import { convertQuery } from '../../../web/server/query-string.ts';
import { isCsrfTokenRight, isOwnOrigin } from '../../../web/server/session-cookie.ts';

describe('findJsonFault', () => {
  it.each([
    ['a plain object', '{"a":1,"b":{"a":1}}'],
    ['the same key in two objects', '[{"a":1},{"a":2}]'],
    ['a key that stands as a value too', '{"a":"a","b":["a","a"]}'],
    ['brackets and commas inside strings', '{"a":"{\\"a\\":1,[","b":1}'],
    ['a string with a backslash at its end', '{"a":"\\\\","b":2}'],
  ])('lets pass %s', (_sentence, text) => expect(findJsonFault(text)).toBeNull());

  it.each([
    ['a key twice', '{"a":1,"a":2}'],
    ['a key twice, once escaped', '{"a":1,"\\u0061":2}'],
    ['a key twice deep inside', '[{"x":{"a":1,"b":[],"a":2}}]'],
    ['a key twice around an inner object', '{"a":{"b":1},"a":2}'],
  ])('names %s', (_sentence, text) => expect(findJsonFault(text)).toContain('"a"'));

  it('allows the last permitted level and no more', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(findJsonFault(nested(MAX_JSON_DEPTH))).toBeNull();
    expect(findJsonFault(nested(MAX_JSON_DEPTH + 1))).toContain('nested');
    expect(findJsonFault('{"a":'.repeat(500_000))).toContain('nested');
  });
});

describe('isAcceptedContentType', () => {
  it.each([
    'application/json',
    'APPLICATION/JSON',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
  ])('accepts %j', (header) => expect(isAcceptedContentType(header, ['application/json'])).toBe(true));

  it.each([
    '',
    ' application/json',
    'application/json ',
    'application/json\t',
    'application/json\t; charset=utf-8',
    'application/json x',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8; x=y',
    'application/json; foo=bar',
    'application/json,text/plain',
    'application/jsonx',
    'text/json',
    'text/csv',
  ])('refuses %j', (header) => expect(isAcceptedContentType(header, ['application/json'])).toBe(false));
});

describe('convertQuery', () => {
  const schema = Type.Object({
    page: Type.Optional(Type.Integer()),
    live: Type.Optional(Type.Boolean()),
    search: Type.Optional(Type.String()),
  });

  it('makes numbers and booleans where the schema has them, and nowhere else', () => {
    expect(convertQuery(schema, { page: '2', live: 'false', search: '3', other: '4' })).toEqual({
      page: 2,
      live: false,
      search: '3',
      other: '4',
    });
  });

  it.each(['', ' ', '1e3', '0x10', 'NaN', 'Infinity', '1.', '--1', '9'.repeat(16)])(
    'leaves the page %j as text for the schema to refuse',
    (page) => expect(convertQuery(schema, { page })).toEqual({ page }),
  );

  it('leaves a repeated field as it is', () => {
    expect(convertQuery(schema, { page: ['1', '2'] })).toEqual({ page: ['1', '2'] });
  });

  it('knows no inherited field', () => {
    expect(convertQuery(schema, { constructor: '1' })).toEqual({ constructor: '1' });
  });
});

describe('isOwnOrigin', () => {
  const own = { secure: false, host: '127.0.0.1:8080', publicUrl: 'https://edge.example:8443/' };
  it.each([
    [undefined, true],
    ['http://127.0.0.1:8080', true],
    ['https://edge.example:8443', true],
    ['https://127.0.0.1:8080', false],
    ['http://127.0.0.1:8081', false],
    ['http://127.0.0.1:8080.evil.example', false],
    ['null', false],
    ['', false],
  ])('judges %s as %s', (origin, expected) => expect(isOwnOrigin(origin, own)).toBe(expected));
});

describe('isCsrfTokenRight', () => {
  it.each([
    ['the token', 'abc', 'abc', true],
    ['another one of the same length', 'abd', 'abc', false],
    ['a shorter one', 'ab', 'abc', false],
    ['none', undefined, 'abc', false],
    ['two', ['abc', 'abc'], 'abc', false],
    ['nothing for nothing', '', '', false],
  ])('judges %s', (_sentence, header, expected, right) =>
    expect(isCsrfTokenRight(header, expected)).toBe(right),
  );
});
