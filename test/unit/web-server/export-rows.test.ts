/** Lines of export files: whole, and harmless in a spreadsheet. */
import { describe, expect, it } from 'vitest';
import { csvRow, parseCsv } from '../../../web/server/csv.ts';
import { brokenOffText, headerOf, LOG_TEXT, METRIC_TEXT, textOf } from '../../../web/server/export-rows.ts';
import { LOG_LINE, METRIC_ROW } from './fake-control-plane.ts';

describe('csvRow', () => {
  it.each([
    ['a formula', '=1+1', '"\'=1+1"'],
    ['a command', '@SUM(A1)', '"\'@SUM(A1)"'],
    ['text that begins with a minus', '-rf /', '"\'-rf /"'],
    ['text that begins with a tab', '\t=1', '"\'\t=1"'],
    ['text that begins with a line end', '\r=1', '"\'\r=1"'],
    ['a number', -4.5, '-4.5'],
    ['nothing', null, ''],
    ['quotes and line ends', 'a "b"\nc', '"a ""b""\nc"'],
    ['terminal sequences', '\u001b[31mred\u0000', '\\u{1b}[31mred\\u{0}'],
    ['reversed text', 'gpj.\u202eexe', 'gpj.\\u{202e}exe'],
    ['plain text', 'plain text', 'plain text'],
  ])('writes %s', (_what, value, cell) => {
    expect(csvRow([value])).toBe(`${cell}\r\n`);
  });

  it('is read back by the same grammar', () => {
    const cells = ['a,b', 'line\r\nline', '"', '', ' spaced '];
    expect(parseCsv(csvRow(cells))).toEqual([cells]);
  });
});

describe('a measurement', () => {
  it('is one line per field in CSV', () => {
    expect(parseCsv(headerOf('csv', METRIC_TEXT) + textOf(METRIC_ROW, 'csv', METRIC_TEXT))).toEqual([
      ['device_id', 'device_name', 'timestamp', 'received_at', 'metric_type', 'labels', 'field', 'value'],
      [...Object.values(METRIC_ROW).slice(0, 5), 'mount=/var', 'percent', '-4.5'],
      [...Object.values(METRIC_ROW).slice(0, 5), 'mount=/var', 'note', "'=1+1"],
    ]);
  });
  it('is one object in NDJSON', () => {
    expect(headerOf('ndjson', METRIC_TEXT)).toBe('');
    expect(JSON.parse(textOf(METRIC_ROW, 'ndjson', METRIC_TEXT))).toEqual(METRIC_ROW);
  });
});

describe('a log line', () => {
  it('stays one record with its line ends', () => {
    const [, row] = parseCsv(headerOf('csv', LOG_TEXT) + textOf(LOG_LINE, 'csv', LOG_TEXT));
    expect(row?.[6]).toBe(LOG_LINE.message);
    expect(JSON.parse(row?.[7] ?? '')).toEqual(LOG_LINE.metadata);
  });
});

describe('a file that broke off', () => {
  it('says so in its last line', () => {
    expect(JSON.parse(brokenOffText('ndjson', 'internal', 'r'))).toEqual({
      error: { code: 'internal', instance: 'r' },
    });
    expect(brokenOffText('csv', 'internal', 'r')).toMatch(/^# incomplete.*internal.*\r\n$/);
  });
});
