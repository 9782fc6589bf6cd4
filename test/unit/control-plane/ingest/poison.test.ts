import { describe, expect, it } from 'vitest';
import { isDataError } from '../../../../control-plane/ingest/isolate.ts';
import { findPoison, MAX_TRIES, withoutRecords } from '../../../../control-plane/ingest/poison.ts';
import { batchOf, metricOf } from './batch-of.ts';

const refused = Object.assign(new Error('bad'), { code: '22P05' });
const find = async (size: number, poison: readonly number[]) => {
  let tries = 0;
  const bad = await findPoison(
    size,
    async (indexes) => {
      tries += 1;
      if (poison.some((index) => indexes.has(index))) throw refused;
    },
    isDataError,
  );
  return { bad: [...bad].sort((a, b) => a - b), tries };
};

describe('findPoison', () => {
  it.each([[[]], [[0]], [[999]], [[3, 500, 501]]])('finds %j of a thousand', async (poison) => {
    expect((await find(1000, poison)).bad).toEqual(poison);
  });

  it('is bounded where nearly all are bad', async () => {
    const odd = Array.from({ length: 500 }, (_, index) => 2 * index);
    const { bad, tries } = await find(1000, odd);
    expect(tries).toBeLessThanOrEqual(MAX_TRIES + 20);
    for (const index of odd) expect(bad).toContain(index);
  });

  it('passes an outage on', async () => {
    const away = async () => {
      throw new Error('Connection terminated unexpectedly');
    };
    await expect(findPoison(10, away, isDataError)).rejects.toThrow('terminated');
  });
});

describe('withoutRecords', () => {
  it('keeps the places of those that stay and the reason of those that go', () => {
    const message = batchOf('metrics', [{}, metricOf(), metricOf(), metricOf()]);
    const { content } = withoutRecords(message, new Set([1]), 'too large');
    expect(content.places).toEqual([1, 3]);
    expect(content.records).toHaveLength(2);
    expect(content.rejected.map(({ index, code }) => `${index} ${code}`)).toEqual(['0 record', '2 database']);
  });
});
