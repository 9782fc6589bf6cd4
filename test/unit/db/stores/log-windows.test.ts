import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newerWindows, olderWindows } from '../../../../db/stores/log-windows.ts';

const MINUTE = 60_000_000n;
const time = fc.bigInt({ min: 0n, max: 36_000n }).map((fives) => fives * 5n * MINUTE);
const range = fc.record({
  anchorMicros: fc.option(time),
  fromMicros: fc.option(time),
  toMicros: fc.option(time),
});

describe.each([
  ['older', olderWindows],
  ['newer', newerWindows],
])('%s windows', (direction, windowsOf) => {
  it('cover the range once, outwards and without a gap, and nothing else', () => {
    fc.assert(
      fc.property(range, (asked) => {
        const windows = windowsOf(asked);
        const { fromMicros, toMicros } = asked;
        if (fromMicros !== null && toMicros !== null && fromMicros >= toMicros) {
          expect(windows).toEqual([]);
          return;
        }
        const inOrder = direction === 'older' ? windows.toReversed() : windows;
        expect(inOrder.at(0)?.fromMicros).toBe(fromMicros);
        expect(inOrder.at(-1)?.toMicros).toBe(toMicros);
        for (const [index, window] of inOrder.slice(1).entries()) {
          expect(window.fromMicros).toBe(inOrder[index]?.toMicros);
        }
        expect(windows.length).toBeLessThanOrEqual(6);
      }),
    );
  });
});
