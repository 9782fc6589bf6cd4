import { describe, expect, it } from 'vitest';
import { DEFAULT_RETENTION_DAYS } from '#web-api';
import { DEFAULT_DAYS, effectiveDays, longestDays } from '../../../../db/timeseries/retention-days.ts';

describe('retention', () => {
  it('has the defaults that the API states', () => expect(DEFAULT_DAYS).toEqual(DEFAULT_RETENTION_DAYS));

  it('keeps what coarser sums are made of', () => {
    const days = effectiveDays({ metrics: 60, metrics_1m: 1, metrics_1h: 1, metrics_1d: 1, logs: 2 });
    expect(days).toEqual({ metrics: 60, metrics_1m: 1, metrics_1h: 62, metrics_1d: 64, logs: 2 });
  });

  it('of the installation is the longest of each class', () => {
    const short = effectiveDays({ metrics: 7, logs: 90 });
    expect(longestDays([short, effectiveDays({})])).toEqual({ ...DEFAULT_DAYS, logs: 90 });
    expect(longestDays([short])).toEqual({ ...DEFAULT_DAYS, metrics: 7, logs: 90 });
    expect(longestDays([])).toEqual(DEFAULT_DAYS);
  });
});
