/** The file of tokens or claim codes that an import gives out, and the parts that an import is sent in. */
import { describe, expect, it } from 'vitest';
import { joinResults, parseImport, repeatedRow } from '../../../web/client/format/device-import.ts';
import { IMPORT_TEMPLATE, secretsCsv } from '../../../web/client/format/import-secrets.ts';

const row = (number: number, over: object = {}) => ({
  row: number,
  ok: true,
  outcome: 'created' as const,
  device_id: null,
  error: null,
  detail: null,
  token: null,
  claim_code: null,
  ...over,
});

describe('secretsCsv', () => {
  it('names machine and secret of each row that got one, and keeps formulas from spreadsheets', () => {
    const imported = [
      { device_name: '=cmd', hardware_id: 'a' },
      { device_name: 'plain', hardware_id: 'b' },
      { device_name: 'quo"te', hardware_id: 'c' },
    ];
    const rows = [row(1, { token: 'oce_1' }), row(2), row(3, { token: 'oce_3' })];
    expect(secretsCsv(rows, imported)).toBe(
      'device_name,hardware_id,token\r\n"\'=cmd","a","oce_1"\r\n"quo""te","c","oce_3"\r\n',
    );
  });

  it('is nothing where nothing was given out', () => {
    expect(secretsCsv([row(1)], [{}])).toBeNull();
  });
});

describe('joinResults', () => {
  it('counts the rows of later parts on', () => {
    const part = { created: 1, unchanged: 1, failed: 0, rows: [row(1), row(2)] };
    const whole = joinResults(joinResults(null, part, 0), part, 2);
    expect(whole).toMatchObject({ created: 2, unchanged: 2, failed: 0 });
    expect(whole.rows.map((one) => one.row)).toEqual([1, 2, 3, 4]);
  });
});

describe('repeatedRow', () => {
  it('finds what stands twice, over all parts', () => {
    const rows = [
      { device_name: 'a', hardware_id: '1' },
      { device_name: 'b', hardware_id: '2' },
    ];
    expect(repeatedRow(rows)).toBeNull();
    expect(repeatedRow([...rows, { device_name: 'a', hardware_id: '3' }])).toBe(
      'Row 3 has the device_name of row 1: a.',
    );
  });
});

describe('the template', () => {
  it('is an import itself', () => {
    expect(parseImport(IMPORT_TEMPLATE)).toMatchObject({
      ok: true,
      rows: [{ device_name: 'store-014', tags: ['retail', 'berlin'], metadata: { site: 'Berlin Mitte' } }],
    });
  });
});
