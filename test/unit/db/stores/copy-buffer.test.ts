import { describe, expect, it } from 'vitest';
import { CopyBuffer } from '../../../../db/stores/copy-buffer.ts';

describe('CopyBuffer', () => {
  it('writes what the manual says, byte by byte, and grows', () => {
    const buffer = new CopyBuffer(0);
    const long = 'é'.repeat(2000);
    buffer.row(4);
    buffer.uuid('00010203-0405-0607-0809-0a0b0c0d0e0f');
    buffer.time(Date.UTC(1999, 11, 31, 23, 59, 59, 999));
    buffer.text(long);
    buffer.jsonb(null);
    const bytes = buffer.finish();
    const expected = Buffer.concat([
      Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex'),
      Buffer.from('0004', 'hex'),
      Buffer.from('00000010000102030405060708090a0b0c0d0e0f', 'hex'),
      Buffer.from('00000008fffffffffffffc18', 'hex'),
      Buffer.from('00000fa0', 'hex'),
      Buffer.from(long),
      Buffer.from('ffffffff', 'hex'),
      Buffer.from('ffff', 'hex'),
    ]);
    expect(bytes.equals(expected)).toBe(true);
  });

  it('refuses what is no UUID before the server takes it for a broken connection', () => {
    expect(() => new CopyBuffer(10).uuid('abc')).toThrow(RangeError);
  });
});
