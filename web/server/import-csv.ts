/** The CSV form of a bulk pre-registration, turned into the JSON form, whose schema then judges it. Pure. */
import { CsvError, parseCsv } from './csv.ts';

const REQUIRED_COLUMNS = ['device_name', 'device_type', 'hardware_id'] as const;
/** `metadata.room` is the field `room` of the metadata. */
const METADATA_PREFIX = 'metadata.';
const LISTS: readonly string[] = ['tags', 'groups'];
const COLUMNS: readonly string[] = [...REQUIRED_COLUMNS, ...LISTS];
/** Within the cell of a row; `,` would need quotes. */
const LIST_SEPARATOR = ';';

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
    ...(query.issue === undefined ? {} : { issue: query.issue }),
    ...(query.issue_expires_in_seconds === undefined
      ? {}
      : { issue_expires_in_seconds: readNumber(query.issue_expires_in_seconds) }),
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
  const unknown = columns.find((name) => !COLUMNS.includes(name) && !isMetadata(name));
  if (unknown !== undefined) {
    throw new ImportCsvError('header', `only ${COLUMNS.join(', ')} and metadata.… are columns of this file`);
  }
  if (new Set(columns).size !== columns.length) throw new ImportCsvError('header', 'a column stands twice');
}

/** Empty cells of lists and metadata say nothing. */
function rowOf(columns: readonly string[], cells: readonly string[]): Record<string, unknown> {
  const named = cells.map((cell, index) => [columns[index] ?? '', cell.trim()] as const);
  const metadata = named
    .filter(([name, cell]) => isMetadata(name) && cell !== '')
    .map(([name, cell]) => [name.slice(METADATA_PREFIX.length), cell] as const);
  const fields = named
    .filter(([name, cell]) => !isMetadata(name) && !(name === 'groups' && cell === ''))
    .map(([name, cell]) => [name, LISTS.includes(name) ? splitList(cell) : cell] as const);
  return {
    ...Object.fromEntries(fields),
    ...(metadata.length === 0 ? {} : { metadata: Object.fromEntries(metadata) }),
  };
}

const isMetadata = (name: string): boolean =>
  name.startsWith(METADATA_PREFIX) && name.length > METADATA_PREFIX.length;

const splitList = (cell: string): string[] =>
  cell
    .split(LIST_SEPARATOR)
    .map((item) => item.trim())
    .filter((item) => item !== '');

const readNumber = (value: unknown): unknown =>
  typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;

/** Other values stay text, so that the schema names the field. */
const readFlag = (value: unknown): unknown => (value === 'true' ? true : value === 'false' ? false : value);
