import { describe, expect, it } from 'vitest';
import { CsvError, parseCsv } from '../../../web/server/csv.ts';

describe('parseCsv', () => {
  it.each([
    [
      'rows that end with LF',
      'a,b\nc,d\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'rows that end with CRLF',
      'a,b\r\nc,d\r\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'rows that end with CR',
      'a,b\rc,d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a last row without a line end',
      'a,b\nc,d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'empty cells',
      ',\na,',
      [
        ['', ''],
        ['a', ''],
      ],
    ],
    ['an empty line as one empty cell', 'a\n\nb', [['a'], [''], ['b']]],
    ['commas in quotes', '"a,b",c', [['a,b', 'c']]],
    ['doubled quotes', '"say ""hi""",b', [['say "hi"', 'b']]],
    [
      'line ends in quotes',
      '"a\r\nb",c\nd,e',
      [
        ['a\r\nb', 'c'],
        ['d', 'e'],
      ],
    ],
    ['an empty quoted cell', '"",x', [['', 'x']]],
    ['a byte order mark', '\uFEFFa,b', [['a', 'b']]],
    ['spaces as part of the cell', ' a , b ', [[' a ', ' b ']]],
    ['no text', '', []],
  ])('reads %s', (_sentence, text, rows) => expect(parseCsv(text)).toEqual(rows));

  it.each([
    ['a quote that never closes', 'a\n"b', 2],
    ['text after a closing quote', '"a"b', 1],
    ['a quote inside a bare cell', 'x\ny\na"b', 3],
    ['a fault behind a quoted line end', '"1\n2",x\na"b', 3],
  ])('refuses %s, naming the line', (_sentence, text, line) => {
    expect(() => parseCsv(text)).toThrow(CsvError);
    expect(() => parseCsv(text)).toThrow(expect.objectContaining({ line }));
  });

  it('gives back what a writer with quotes wrote, whatever the cells hold', () => {
    const cells = ['', 'a', '"', '""', ',', '\n', '\r\n', 'ü "x", y\r', ' '];
    const rows = cells.map((first) => cells.map((second) => `${first}${second}`));
    const text = rows
      .map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(','))
      .join('\r\n');
    expect(parseCsv(text)).toEqual(rows);
  });

  it('reads 4 MiB of quotes in linear time', () => {
    const startedAt = performance.now();
    expect(parseCsv(`"${'""'.repeat(2_000_000)}"`)[0]?.[0]?.length).toBe(2_000_000);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
