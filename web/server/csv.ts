/** Comma-separated values as RFC 4180 writes them, read and written. Pure. */

/** Where the text breaks the grammar; `line` counts from 1. */
export class CsvError extends Error {
  override name = 'CsvError';
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/**
 * Rows of cells. Lines end with CRLF, LF or CR; a line end after the last row makes no further row; a byte order
 * mark is skipped. Quoted cells may hold commas, line ends and doubled quotes.
 * @throws CsvError for a quote inside a bare cell, text after a closing quote, or a quote that never closes.
 */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let position = text.startsWith('\uFEFF') ? 1 : 0;
  let line = 1;
  while (position < text.length) {
    const row: string[] = [];
    let separator = ',';
    while (separator === ',') {
      const cell = text[position] === '"' ? readQuoted(text, position, line) : readBare(text, position, line);
      row.push(cell.value);
      line += cell.lineEnds;
      separator = separatorAt(text, cell.end, line);
      position = cell.end + separator.length;
    }
    line += 1;
    rows.push(row);
  }
  return rows;
}

interface Cell {
  readonly value: string;
  /** Position after the cell. */
  readonly end: number;
  /** Line ends inside a quoted cell. */
  readonly lineEnds: number;
}

function readBare(text: string, start: number, line: number): Cell {
  let end = start;
  while (end < text.length && !',\r\n'.includes(text.charAt(end))) {
    if (text[end] === '"') throw new CsvError(line, 'a quote stands inside a cell that is not quoted');
    end += 1;
  }
  return { value: text.slice(start, end), end, lineEnds: 0 };
}

function readQuoted(text: string, start: number, line: number): Cell {
  let end = start + 1;
  for (;;) {
    end = text.indexOf('"', end);
    if (end === -1) throw new CsvError(line, 'a quoted cell is not closed');
    if (text[end + 1] !== '"') break;
    end += 2;
  }
  const value = text.slice(start + 1, end).replaceAll('""', '"');
  return { value, end: end + 1, lineEnds: value.match(/\r\n|\r|\n/g)?.length ?? 0 };
}

/** The comma or line end at `position`; empty at the end of the text. */
function separatorAt(text: string, position: number, line: number): string {
  if (position >= text.length) return '';
  const next = text.charAt(position);
  if (next === '\r' && text[position + 1] === '\n') return '\r\n';
  if (next === ',' || next === '\r' || next === '\n') return next;
  throw new CsvError(line, 'text follows a closing quote');
}

export type CsvValue = string | number | boolean | null;

/** Spreadsheets run what begins so. Source: OWASP, CSV Injection. */
const FORMULA = /^[=+\-@\t\r]/;
/** Terminal sequences, and what turns the direction of text around: neither belongs into a table. */
const UNSEEN = /(?![\t\n\r])[\p{Cc}\p{Bidi_Control}]/gu;

/**
 * One row with its CRLF. Text that a spreadsheet would take for a formula gets an apostrophe before it; control and
 * direction characters are written as `\u{hex}`. Numbers are written as they are.
 */
export const csvRow = (values: readonly CsvValue[]): string => `${values.map(csvCell).join(',')}\r\n`;

function csvCell(value: CsvValue): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const shown = value.replace(UNSEEN, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`);
  const safe = FORMULA.test(value) ? `'${shown}` : shown;
  return /[",\r\n']|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
