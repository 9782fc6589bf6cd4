/** Values that break careless readers, and values that a schema of the contract asks for, as fast-check makes them. */
import fc from 'fast-check';
import type { SchemaNode } from '../../web/server/docs/example.ts';

const nested = (depth: number, isObject: boolean): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = isObject ? { a: value } : [value];
  return value;
};

/** Text that is hard on databases, shells, pages, paths and logs. */
export const NASTY_TEXTS: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  '\udc00x',
  '\u202e\u2066',
  '\u001b[31m',
  'ß'.repeat(300),
  '𝕏'.repeat(100),
  'x'.repeat(10_000),
  '__proto__',
  'constructor',
  'toString',
  "'; DROP TABLE users; --",
  '" OR 1=1',
  '%',
  '_%\\',
  '\\u0000',
  '../../etc/passwd',
  '%00',
  '%2e%2e%2f',
  '<script>alert(1)</script>',
  '=1+1',
  '{{7*7}}',
  '#{7*7}',
  'null',
  'true',
  '0',
  '-1',
  '1e400',
  '9'.repeat(40),
  'NaN',
  '00000000-0000-0000-0000-000000000000',
  'urn:uuid:3f0c8a9e-6f0d-4a53-9d5b-2f1f6f7c1a10',
  '3F0C8A9E-6F0D-4A53-9D5B-2F1F6F7C1A10',
  '2026-02-30T00:00:00Z',
  '9999-12-31T23:59:60Z',
  '0000-01-01T00:00:00Z',
  '2026-11-23T06:00:00.123456789123Z',
  '2026-11-23T06:00:00+99:99',
  'ada@example.com',
  '[]',
  '{}',
  '\r\nx-injected: 1',
];

const NASTY: readonly unknown[] = [
  ...NASTY_TEXTS,
  null,
  true,
  false,
  0,
  -0,
  -1,
  0.1,
  1e308,
  5e-324,
  2 ** 53,
  -(2 ** 63),
  [],
  {},
  [[]],
  [null],
  [1, 'a', {}],
  Array.from({ length: 2000 }, () => 0),
  nested(20, true),
  nested(20, false),
  nested(500, false),
  JSON.parse('{"__proto__": {"isAdmin": true}}'),
  { constructor: { prototype: { isAdmin: true } } },
  { $ref: '#' },
  { toJSON: 1, length: -1 },
];

export const nastyValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NASTY) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
);

/** Ids that exist, by the name of their field; other fields get what their schema says. */
export type KnownValues = Readonly<Record<string, readonly unknown[]>>;

export interface Draw {
  readonly known: KnownValues;
  /** Nothing but what the schema takes: such requests get as far as the work itself. */
  readonly isTidy: boolean;
}

/** Mostly what the schema takes, now and then something else in one place. */
export function drawnValue(schema: SchemaNode, draw: Draw, field = ''): fc.Arbitrary<unknown> {
  const fitting = fittingValue(schema, draw, field);
  if (draw.isTidy) return fitting;
  return fc.oneof({ weight: 12, arbitrary: fitting }, { weight: 1, arbitrary: nastyValue });
}

function fittingValue(schema: SchemaNode, draw: Draw, field: string): fc.Arbitrary<unknown> {
  const values = Object.hasOwn(draw.known, field) ? draw.known[field] : undefined;
  if (values !== undefined && values.length > 0) return fc.constantFrom(...values);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) {
    return fc.oneof(...schema.anyOf.map((branch) => fittingValue(branch, draw, field)));
  }
  switch (schema.type) {
    case 'string':
      return textOf(schema, draw);
    case 'integer':
      return fc.integer({
        min: Math.max(schema.minimum ?? -1e9, -1e9),
        max: Math.min(schema.maximum ?? 1e9, 1e9),
      });
    case 'number':
      return fc.double({ min: schema.minimum ?? -1e6, max: schema.maximum ?? 1e6, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(drawnValue(schema.items ?? {}, draw, field), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 4, 4),
      });
    case 'object':
      return objectOf(schema, draw);
    default:
      return fc.jsonValue({ maxDepth: 3 });
  }
}

function textOf(
  { format, pattern, minLength = 0, maxLength = 40, examples }: SchemaNode,
  { isTidy }: Draw,
): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') {
    return fc
      .date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString());
  }
  const samples = (examples ?? []).filter((example) => typeof example === 'string');
  const free = fc.string({
    unit: 'grapheme',
    minLength,
    maxLength: Math.max(minLength, Math.min(maxLength, 40)),
  });
  if (samples.length > 0) return fc.oneof(fc.constantFrom(...samples), free);
  if (pattern === undefined) return free;
  return isTidy ? patternText(pattern) : fc.oneof(patternText(pattern), free);
}

/** Some patterns use what fast-check cannot make texts of. */
function patternText(pattern: string): fc.Arbitrary<string> {
  try {
    return fc.stringMatching(new RegExp(pattern), { size: 'small' });
  } catch {
    return fc.string();
  }
}

function objectOf(schema: SchemaNode, draw: Draw): fc.Arbitrary<unknown> {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).map(([name, node]) => {
    const value = drawnValue(node, draw, name);
    // Now and then a field that must be there is not.
    const absent = fc.constant(undefined);
    if (draw.isTidy && required.has(name)) return [name, value] as const;
    return [
      name,
      fc.oneof({ weight: required.has(name) ? 40 : 2, arbitrary: value }, { weight: 1, arbitrary: absent }),
    ] as const;
  });
  const extra = Object.values(schema.patternProperties ?? {}).at(0);
  return fc
    .tuple(
      fc.record(Object.fromEntries(fields)),
      extra === undefined
        ? fc.constant({})
        : fc.dictionary(fc.string({ maxLength: 12 }), drawnValue(extra, draw), { maxKeys: 3 }),
    )
    .map(([body, more]) => ({ ...more, ...body }));
}
