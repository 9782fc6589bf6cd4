/** The CSV form of a bulk pre-registration, turned into the JSON form, whose schema then judges it. Pure. */
import { CsvError, parseCsv } from './csv.ts';

const REQUIRED_COLUMNS = ['device_name', 'device_type', 'hardware_id'] as const;
const COLUMNS: readonly string[] = [...REQUIRED_COLUMNS, 'tags'];
/** Within the cell of a row; `,` would need quotes. */
const TAG_SEPARATOR = ';';

/** The file as a whole cannot be read; one bad row is not such an error. */
export class ImportCsvError extends Error {
  override name = 'ImportCsvError';
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/**
 * Body of `devices.import` from CSV text and the query string, which carries what CSV cannot.
 * A row with more cells than the header is passed on as an array, so that it fails alone under its own number.
 * @throws ImportCsvError
 */
export function importBodyFromCsv(text: string, query: Readonly<Record<string, unknown>>): unknown {
  const [header, ...rows] = readRows(text);
  const columns = (header ?? []).map((name) => name.trim());
  checkHeader(columns);
  return {
    organization_id: query.organization_id,
    ...(query.dry_run === undefined ? {} : { dry_run: readFlag(query.dry_run) }),
    devices: rows.map((cells) => (cells.length > columns.length ? cells : rowOf(columns, cells))),
  };
}

function readRows(text: string): string[][] {
  try {
    return parseCsv(text);
  } catch (error) {
    if (error instanceof CsvError) throw new ImportCsvError(`line ${error.line}`, error.message);
    throw error;
  }
}

function checkHeader(columns: readonly string[]): void {
  const missing = REQUIRED_COLUMNS.find((name) => !columns.includes(name));
  if (missing !== undefined) throw new ImportCsvError('header', `the column ${missing} is missing`);
  const unknown = columns.find((name) => !COLUMNS.includes(name));
  if (unknown !== undefined) {
    throw new ImportCsvError('header', `only ${COLUMNS.join(', ')} are columns of this file`);
  }
  if (new Set(columns).size !== columns.length) throw new ImportCsvError('header', 'a column stands twice');
}

function rowOf(columns: readonly string[], cells: readonly string[]): Record<string, unknown> {
  const entries = cells.map((cell, index) => {
    const name = columns[index] ?? '';
    return [name, name === 'tags' ? splitTags(cell) : cell.trim()] as const;
  });
  return Object.fromEntries(entries);
}

const splitTags = (cell: string): string[] =>
  cell
    .split(TAG_SEPARATOR)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');

/** Other values stay text, so that the schema names the field. */
const readFlag = (value: unknown): unknown => (value === 'true' ? true : value === 'false' ? false : value);
