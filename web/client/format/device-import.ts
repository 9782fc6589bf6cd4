/** Rows for a bulk import from what a person pastes: JSON, or CSV with a header row. Pure. */

import type { ImportResult } from '#web-api';

/** What one import takes. */
export const MAX_IMPORT_ROWS = 5000;
const COLUMNS = ['device_name', 'device_type', 'hardware_id', 'tags', 'groups'] as const;
/** `metadata.room` is the field `room` of the metadata. */
const METADATA_PREFIX = 'metadata.';
/** Rows of one request: some seconds of work, so that the bar moves and nothing times out. */
export const IMPORT_PART_ROWS = 250;

export type ParsedImport =
  | { readonly ok: true; readonly format: 'json' | 'csv'; readonly rows: readonly Record<string, unknown>[] }
  | { readonly ok: false; readonly reason: string };

/** Only the shape is checked here; each row is judged by the server, so that the rule stands once. */
export function parseImport(text: string): ParsedImport {
  const trimmed = text.replace(/^\uFEFF/, '').trim();
  if (trimmed === '') return { ok: false, reason: 'Paste rows, or choose a file.' };
  const parsed = /^[[{]/.test(trimmed) ? parseJson(trimmed) : parseCsvDevices(trimmed);
  if (!parsed.ok) return parsed;
  if (parsed.rows.length === 0) return { ok: false, reason: 'There is a header, but no row under it.' };
  if (parsed.rows.length > MAX_IMPORT_ROWS) {
    return { ok: false, reason: `At most ${MAX_IMPORT_ROWS} devices in one import; split the file.` };
  }
  return parsed;
}

function parseJson(text: string): ParsedImport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return {
      ok: false,
      reason: `This is not valid JSON: ${error instanceof Error ? error.message : 'unreadable'}`,
    };
  }
  const list = isRecord(value) && Array.isArray(value.devices) ? value.devices : value;
  if (!Array.isArray(list)) return { ok: false, reason: 'JSON must be a list of devices.' };
  if (!list.every(isRecord)) return { ok: false, reason: 'Each device must be an object.' };
  return { ok: true, format: 'json', rows: list };
}

function parseCsvDevices(text: string): ParsedImport {
  const separator = (text.split('\n', 1)[0] ?? '').includes(';') ? ';' : ',';
  const table = parseCsv(text, separator);
  if (table === null) return { ok: false, reason: 'A quoted field is not closed.' };
  const [header = [], ...lines] = table;
  const columns = header.map((name) => {
    const trimmed = name.trim();
    return trimmed.startsWith(METADATA_PREFIX) ? trimmed : trimmed.toLowerCase().replaceAll(' ', '_');
  });
  const missing = COLUMNS.slice(0, 3).filter((name) => !columns.includes(name));
  if (missing.length > 0) {
    return {
      ok: false,
      reason: `The header row lacks ${missing.join(', ')}. Expected: ${COLUMNS.join(',')}.`,
    };
  }
  const rows = lines
    .filter((fields) => fields.some((field) => field.trim() !== ''))
    .map((fields) => rowOf(columns, fields));
  return { ok: true, format: 'csv', rows };
}

function rowOf(columns: readonly string[], fields: readonly string[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  const metadata: Record<string, string> = {};
  for (const [index, column] of columns.entries()) {
    const field = (fields[index] ?? '').trim();
    if (column.startsWith(METADATA_PREFIX)) {
      if (field !== '') metadata[column.slice(METADATA_PREFIX.length)] = field;
    } else if (!COLUMNS.some((known) => known === column)) continue;
    else if (column !== 'tags' && column !== 'groups') row[column] = field;
    else if (field !== '') row[column] = column === 'tags' ? splitTags(field) : splitNames(field);
  }
  return Object.keys(metadata).length === 0 ? row : { ...row, metadata };
}

/** `a; b c|d` → a, b c, d: names of groups may hold blanks. */
const splitNames = (text: string): string[] => [
  ...new Set(
    text
      .split(/[;|]/)
      .map((name) => name.trim())
      .filter(Boolean),
  ),
];

/** Rows that name a device or hardware again; the server sees them only within one part. Rows count from 1. */
export function repeatedRow(rows: readonly Readonly<Record<string, unknown>>[]): string | null {
  for (const column of ['hardware_id', 'device_name'] as const) {
    const first = new Map<unknown, number>();
    for (const [index, row] of rows.entries()) {
      const value = row[column];
      const before = first.get(value);
      if (before !== undefined)
        return `Row ${index + 1} has the ${column} of row ${before}: ${String(value)}.`;
      if (value !== undefined) first.set(value, index + 1);
    }
  }
  return null;
}

/** The results of two parts as one; rows of `next` count on from `rowsBefore`. */
export const joinResults = (
  done: ImportResult | null,
  next: ImportResult,
  rowsBefore: number,
): ImportResult => ({
  created: (done?.created ?? 0) + next.created,
  unchanged: (done?.unchanged ?? 0) + next.unchanged,
  failed: (done?.failed ?? 0) + next.failed,
  rows: [...(done?.rows ?? []), ...next.rows.map((row) => ({ ...row, row: row.row + rowsBefore }))],
});

/** `a, b c` → a, b, c without repeats. */
export const splitTags = (text: string): string[] => [...new Set(text.split(/[\s,;|]+/).filter(Boolean))];

/** Null where a quote is left open. Source: RFC 4180 §2. */
export function parseCsv(text: string, separator: string): string[][] | null {
  const table: string[][] = [];
  let row: string[] = [];
  let field = '';
  let isQuoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (isQuoted) {
      if (character !== '"') field += character;
      else if (text[index + 1] === '"') {
        field += '"';
        index += 1;
      } else isQuoted = false;
    } else if (character === '"' && field === '') isQuoted = true;
    else if (character === separator) {
      row.push(field);
      field = '';
    } else if (character === '\n') {
      row.push(field);
      table.push(row);
      row = [];
      field = '';
    } else if (character !== '\r') field += character;
  }
  if (isQuoted) return null;
  row.push(field);
  table.push(row);
  return table;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
