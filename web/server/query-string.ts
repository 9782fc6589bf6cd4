/** Query strings are text; the schema says which fields are numbers or booleans. Bodies are never converted. Pure. */
import type { TObject } from 'typebox';

const NUMBER = /^-?\d{1,15}(\.\d{1,10})?$/;

/** A copy with numbers and booleans where the schema wants them; text that is neither stays for the schema to refuse. */
export function convertQuery(
  schema: TObject,
  query: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name, convert(typeOf(schema, name), value)]),
  );
}

function typeOf(schema: TObject, name: string): unknown {
  const field: unknown = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
  return typeof field === 'object' && field !== null && 'type' in field ? field.type : undefined;
}

function convert(type: unknown, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if ((type === 'integer' || type === 'number') && NUMBER.test(value)) return Number(value);
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}
