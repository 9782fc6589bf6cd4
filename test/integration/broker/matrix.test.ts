/** A tenth of the cross-organisation matrix with every change; the whole of it is a bar. */
import { describe, expect, it } from 'vitest';
import { runMatrix } from '../../support/broker-matrix.ts';

describe('the cross-organisation matrix', () => {
  it('is refused to the last attempt, and not a foreign byte arrives', { timeout: 240_000 }, async () => {
    const report = await runMatrix(0.08);
    expect(report.failures).toEqual([]);
    expect(report.refused).toBe(report.attempts);
    expect(report.foreignBytes).toBe(0);
    expect(report.ownMessages).toBeGreaterThan(0);
    expect(Object.keys(report.byKind).sort()).toEqual([
      'mixed subscribe',
      'publish',
      'restored session',
      'retained publish',
      'subscribe',
      'takeover',
      'will',
    ]);
  });
});
