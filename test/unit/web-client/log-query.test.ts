import { describe, expect, it } from 'vitest';
import { lineTest } from '../../../web/client/logs/log-query.ts';

const line = {
  log_level: 'warning',
  service_name: 'vllm',
  message: 'KV cache is 92 % full; evicting the oldest-sequence',
} as const;
const find = (text: string): boolean => lineTest({ levels: [], service: '', text })(line);

describe('lineTest', () => {
  it.each([
    ['', true],
    ['cache', true],
    ['CACHE full', true],
    ['cach', false],
    ['cach*', true],
    ['"cache is 92"', true],
    ['"is cache"', false],
    ['oldest-sequence', true],
    ['cache -evicting', false],
    ['cache -missing', true],
    ['-"92 % full"', false],
    ['!!!', true],
  ])('%s: %s', (text, isFound) => {
    expect(find(text)).toBe(isFound);
  });

  it('takes any of the levels, and only the service', () => {
    expect(lineTest({ levels: ['error', 'warning'], service: 'vllm', text: '' })(line)).toBe(true);
    expect(lineTest({ levels: ['error'], service: '', text: '' })(line)).toBe(false);
    expect(lineTest({ levels: [], service: 'vll', text: '' })(line)).toBe(false);
  });
});
