/** Pieces of HTML for the documentation page. Pure. */
import type { SchemaNode } from './example.ts';

/** Rows deeper than this are left to the example. */
const MAX_FIELD_DEPTH = 4;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (match) => ENTITIES[match] ?? '');

export const json = (value: unknown): string => escapeHtml(JSON.stringify(value, null, 2));

/** One row per field, inner ones by dotted path. */
export function fieldTable(schema: SchemaNode): string {
  const rows = fieldsOf(schema, '', 0);
  if (rows.length === 0) return `<p>${escapeHtml(typeWords(schema))}</p>`;
  return `<div class="table"><table>
<thead><tr><th scope="col">field</th><th scope="col">type</th><th scope="col">meaning</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

function fieldsOf(schema: SchemaNode, prefix: string, depth: number): string[] {
  if (depth >= MAX_FIELD_DEPTH) return [];
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const mark = schema.required?.includes(name) ? '' : ' <span class="optional">optional</span>';
    const row = `<tr><td><code>${escapeHtml(path)}</code>${mark}</td><td>${escapeHtml(typeWords(field))}</td><td>${escapeHtml(field.description ?? '')}</td></tr>`;
    const { node, step } = insideOf(field);
    return [row, ...(node === undefined ? [] : fieldsOf(node, `${path}${step}.`, depth + 1))];
  });
}

/** The object that a field holds, directly, in an array, or beside null. */
function insideOf(field: SchemaNode): { node: SchemaNode | undefined; step: string } {
  if (field.items !== undefined) return { node: field.items, step: '[]' };
  if (field.anyOf !== undefined) {
    return { node: field.anyOf.find(({ properties }) => properties !== undefined), step: '' };
  }
  return { node: field.properties === undefined ? undefined : field, step: '' };
}

function typeWords(schema: SchemaNode): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => String(value)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeWords).join(' | ');
  if (schema.items !== undefined)
    return `list of ${typeWords(schema.items)}${range(schema.minItems, schema.maxItems, 'items')}`;
  const base = schema.format ?? schema.type ?? 'anything';
  return `${base}${range(schema.minimum, schema.maximum, '')}${range(schema.minLength, schema.maxLength, 'characters')}`;
}

function range(least: number | undefined, most: number | undefined, unit: string): string {
  if (least === undefined && most === undefined) return '';
  const words =
    most === undefined ? `from ${least}` : least === undefined ? `at most ${most}` : `${least} to ${most}`;
  return `, ${words}${unit === '' ? '' : ` ${unit}`}`;
}
