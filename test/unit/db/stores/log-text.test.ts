import { describe, expect, it } from 'vitest';
import { parseLogText, tsqueryOf } from '../../../../db/stores/log-text.ts';

describe('the text of a log search', () => {
  it.each([
    ['disk full', `('disk') & ('full')`],
    ['"disk full"', `('disk' <-> 'full')`],
    ['"disk full', `('disk' <-> 'full')`],
    ['-debug disk', `!('debug') & ('disk')`],
    ['-"very full"', `!('very' <-> 'full')`],
    ['conf*', `('conf':*)`],
    ['/etc/conf*', `('etc' <-> 'conf':*)`],
    ['user=42', `('user' <-> '42')`],
    [`it's`, `('it' <-> 's')`],
    [`a\\'b`, `('a' <-> 'b')`],
    ['温度 ok', `('温度') & ('ok')`],
    ['... disk', `('disk')`],
    ['"" - *', ''],
    [' ', ''],
  ])('%s is %s', (text, query) => expect(tsqueryOf(parseLogText(text))).toBe(query));

  it('has twenty terms at most', () => {
    expect(parseLogText('a '.repeat(100))).toHaveLength(20);
  });
});
