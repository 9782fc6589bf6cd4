import { describe, expect, it } from 'vitest';
import { ImportCsvError, importBodyFromCsv } from '../../../web/server/import-csv.ts';

const HEADER = 'device_name,device_type,hardware_id,tags';
const query = { organization_id: 'org' };

describe('importBodyFromCsv', () => {
  it('makes one device of each row, with tags split by semicolons', () => {
    const text = `${HEADER}\ngw-1,gateway,hw-1,berlin; line:3 ;\ngw-2,custom,hw-2,\n`;
    expect(importBodyFromCsv(text, { ...query, dry_run: 'true' })).toEqual({
      organization_id: 'org',
      dry_run: true,
      devices: [
        { device_name: 'gw-1', device_type: 'gateway', hardware_id: 'hw-1', tags: ['berlin', 'line:3'] },
        { device_name: 'gw-2', device_type: 'custom', hardware_id: 'hw-2', tags: [] },
      ],
    });
  });

  it('takes the columns in any order and without tags', () => {
    expect(importBodyFromCsv('hardware_id,device_name,device_type\nh,n,custom', query)).toEqual({
      organization_id: 'org',
      devices: [{ hardware_id: 'h', device_name: 'n', device_type: 'custom' }],
    });
  });

  it('takes groups, metadata and what to give out', () => {
    const text =
      'device_name,device_type,hardware_id,groups,metadata.room\nn,custom,h,Floor one; B,12\nm,custom,i,,';
    expect(importBodyFromCsv(text, { ...query, issue: 'tokens', issue_expires_in_seconds: '3600' })).toEqual({
      organization_id: 'org',
      issue: 'tokens',
      issue_expires_in_seconds: 3600,
      devices: [
        {
          device_name: 'n',
          device_type: 'custom',
          hardware_id: 'h',
          groups: ['Floor one', 'B'],
          metadata: { room: '12' },
        },
        { device_name: 'm', device_type: 'custom', hardware_id: 'i' },
      ],
    });
  });

  it('leaves short and long rows to fail alone under their own number', () => {
    expect(importBodyFromCsv(`${HEADER}\na\nb,custom,h,t,extra`, query)).toMatchObject({
      devices: [{ device_name: 'a' }, ['b', 'custom', 'h', 't', 'extra']],
    });
  });

  it.each([
    ['a missing column', 'device_name,device_type\n', 'header'],
    ['an unknown column', `${HEADER},colour\n`, 'header'],
    ['a column that stands twice', `${HEADER},tags\n`, 'header'],
    ['an empty file', '', 'header'],
    ['semicolons for commas', HEADER.replaceAll(',', ';'), 'header'],
    ['broken quotes', `${HEADER}\n"a`, 'line 2'],
  ])('refuses %s', (_sentence, text, path) => {
    expect(() => importBodyFromCsv(text, query)).toThrow(ImportCsvError);
    expect(() => importBodyFromCsv(text, query)).toThrow(expect.objectContaining({ path }));
  });

  it('leaves a dry_run that is neither true nor false for the schema to refuse', () => {
    expect(importBodyFromCsv(HEADER, { ...query, dry_run: 'yes' })).toMatchObject({ dry_run: 'yes' });
  });
});
