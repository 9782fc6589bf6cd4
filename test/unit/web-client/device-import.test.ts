import { describe, expect, it } from 'vitest';
import {
  MAX_IMPORT_ROWS,
  parseCsv,
  parseImport,
  splitTags,
} from '../../../web/client/format/device-import.ts';

describe('parseImport', () => {
  it('reads CSV with its columns in any order', () => {
    expect(
      parseImport('Hardware_ID,tags,device_type,device_name\nabc,"red, blue",gateway,"Shop ""7"""\n\n'),
    ).toEqual({
      ok: true,
      format: 'csv',
      rows: [{ hardware_id: 'abc', tags: ['red', 'blue'], device_type: 'gateway', device_name: 'Shop "7"' }],
    });
  });

  it('reads CSV as a spreadsheet writes it: byte order mark, semicolons, CRLF', () => {
    const parsed = parseImport('\uFEFFdevice_name;device_type;hardware_id\r\na;custom;1\r\nb;custom;2\r\n');
    expect(parsed).toMatchObject({
      ok: true,
      rows: [{ device_name: 'a' }, { device_name: 'b', hardware_id: '2' }],
    });
  });

  it('reads JSON, bare or as the API’s body', () => {
    const row = { device_name: 'a', device_type: 'custom', hardware_id: '1' };
    expect(parseImport(JSON.stringify([row]))).toEqual({ ok: true, format: 'json', rows: [row] });
    expect(parseImport(JSON.stringify({ devices: [row] }))).toMatchObject({ ok: true, rows: [row] });
  });

  it('leaves bad rows to the server, which says why', () => {
    expect(parseImport('device_name,device_type,hardware_id\n,toaster,')).toMatchObject({
      ok: true,
      rows: [{ device_name: '', device_type: 'toaster', hardware_id: '' }],
    });
  });

  it.each([
    ['', /Paste rows/],
    ['device_name,device_type\na,custom', /lacks hardware_id/],
    ['device_name,device_type,hardware_id', /no row under it/],
    ['device_name,device_type,hardware_id\n"a,custom,1', /not closed/],
    ['[1, 2]', /must be an object/],
    ['{"device_name": "a"}', /must be a list/],
    ['[{"device_name": }]', /not valid JSON/],
  ])('refuses %j', (text, reason) => {
    const parsed = parseImport(text);
    expect(parsed.ok ? null : parsed.reason).toMatch(reason);
  });

  it('refuses more rows than the API takes', () => {
    const rows = Array.from({ length: MAX_IMPORT_ROWS + 1 }, () => ({}));
    expect(parseImport(JSON.stringify(rows)).ok).toBe(false);
  });
});

it('parseCsv keeps separators and line breaks inside quotes', () => {
  expect(parseCsv('a,"b\n,c"\nd,', ',')).toEqual([
    ['a', 'b\n,c'],
    ['d', ''],
  ]);
});

it('splitTags drops repeats and blanks', () => {
  expect(splitTags(' a, b  a;c| ')).toEqual(['a', 'b', 'c']);
});
