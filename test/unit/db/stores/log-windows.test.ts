import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NARROW_MICROS,
  type Window,
  type WindowRange,
  walkWindows,
} from '../../../../db/stores/log-windows.ts';

const MINUTE = 60_000_000n;
const FAR = 1n << 60n;
const time = fc.bigInt({ min: 0n, max: 36_000n }).map((fives) => fives * 5n * MINUTE);
const range = fc.record({
  anchorMicros: fc.option(time),
  fromMicros: fc.option(time),
  toMicros: fc.option(time),
  presentMicros: time,
});

function windowsOf(direction: 'older' | 'newer', asked: WindowRange, took: () => number): Window[] {
  const walk = walkWindows(direction, asked);
  const windows: Window[] = [];
  let spent = { tookMs: 0, leftMs: 350 };
  for (let window = walk.next(spent); window !== null; window = walk.next(spent)) {
    windows.push(window);
    spent = { tookMs: took(), leftMs: 350 };
    if (windows.length > 5000) throw new Error('does not end');
  }
  return windows;
}

describe.each(['older', 'newer'] as const)('%s windows', (direction) => {
  it('cover the range once, outwards and without a gap, and nothing else', () => {
    fc.assert(
      fc.property(range, fc.infiniteStream(fc.integer({ min: 0, max: 400 })), (asked, times) => {
        const windows = windowsOf(direction, asked, () => times.next().value ?? 0);
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
          expect(window.fromMicros).not.toBe(window.toMicros);
        }
      }),
    );
  });

  it('reach over years in a few steps while they are quick', () => {
    const anchorMicros = 1_000_000n * MINUTE;
    const windows = windowsOf(
      direction,
      { anchorMicros, fromMicros: null, toMicros: null, presentMicros: FAR },
      () => 2,
    );
    expect(windows.length).toBeLessThanOrEqual(7);
  });

  it('stay narrow where they are slow', () => {
    const anchorMicros = 1_000_000n * MINUTE;
    const walk = walkWindows(direction, {
      anchorMicros,
      fromMicros: null,
      toMicros: null,
      presentMicros: FAR,
    });
    walk.next({ tookMs: 0, leftMs: 350 });
    const second = walk.next({ tookMs: 1, leftMs: 349 });
    const third = walk.next({ tookMs: 175, leftMs: 174 });
    const widthOf = (window: Window | null) => (window?.toMicros ?? 0n) - (window?.fromMicros ?? 0n);
    expect(widthOf(second)).toBe(16n * NARROW_MICROS);
    expect(widthOf(third)).toBe(60n * MINUTE);
  });
});
