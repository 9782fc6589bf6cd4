import { describe, expect, it } from 'vitest';
import { countEnds, restartDelayMs, STABLE_AFTER_MS } from '../../../control-plane/supervisor/backoff.ts';

describe('restartDelayMs', () => {
  it.each([
    [1, 100],
    [2, 200],
    [3, 400],
    [6, 3200],
    [7, 5000],
    [5000, 5000],
  ])('after %i ends in a row waits %i ms', (ends, delayMs) => expect(restartDelayMs(ends)).toBe(delayMs));
});

describe('countEnds', () => {
  it('counts quick ends', () => expect(countEnds(3, STABLE_AFTER_MS - 1)).toBe(4));
  it('forgets them after a stable life', () => expect(countEnds(3, STABLE_AFTER_MS)).toBe(1));
});
