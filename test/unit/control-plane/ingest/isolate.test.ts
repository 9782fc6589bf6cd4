import { describe, expect, it } from 'vitest';
import { commitIsolating, isDataError } from '../../../../control-plane/ingest/isolate.ts';

const sqlError = (code: string, cause?: unknown): Error =>
  Object.assign(new Error(code, { cause }), { code });

describe('commitIsolating', () => {
  const items = Array.from({ length: 500 }, (_, index) => index);

  it.each([[[]], [[250]], [[0]], [[499]], [[0, 1, 2]], [[17, 250, 499]]])(
    'commits all but the poison rows %j, in order',
    async (poison) => {
      const committed: number[] = [];
      let commits = 0;
      const results = await commitIsolating(
        items,
        async (part) => {
          commits += 1;
          if (part.some((item) => poison.includes(item))) throw sqlError('22P05');
          committed.push(...part);
          return part.map((item) => `ok ${item}`);
        },
        async (item) => `poison ${item}`,
        isDataError,
      );
      expect(results).toEqual(items.map((item) => (poison.includes(item) ? `poison ${item}` : `ok ${item}`)));
      expect(committed).toHaveLength(items.length - poison.length);
      expect(commits).toBeLessThanOrEqual(1 + poison.length * 2 * Math.ceil(Math.log2(items.length)));
    },
  );

  it('does not halve when the database is away', async () => {
    let commits = 0;
    const run = commitIsolating(
      items,
      async () => {
        commits += 1;
        throw sqlError('57P01');
      },
      async () => 'never',
      isDataError,
    );
    await expect(run).rejects.toThrow('57P01');
    expect(commits).toBe(1);
  });
});

describe('isDataError', () => {
  it.each([
    ['a value out of range', sqlError('22003'), true],
    ['a foreign key of a deleted device', sqlError('23503'), true],
    ['a text that jsonb cannot hold', sqlError('22P05'), true],
    [
      'a data error wrapped by the query builder',
      new Error('Failed query', { cause: sqlError('22P05') }),
      true,
    ],
    ['a mistake of ours about one message', new TypeError('x is undefined'), true],
    ['an administrator’s shutdown', sqlError('57P01'), false],
    ['too many connections', sqlError('53300'), false],
    ['a deadlock', sqlError('40P01'), false],
    ['a refused connection', sqlError('ECONNREFUSED'), false],
    ['a connection that ended', new Error('Connection terminated unexpectedly'), false],
    ['something that is no error', 'text', false],
  ])('%s', (_sentence, error, expected) => {
    expect(isDataError(error)).toBe(expected);
  });
});
