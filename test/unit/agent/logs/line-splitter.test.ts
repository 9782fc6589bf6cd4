import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineSplitter } from '../../../../agent/logs/line-splitter.ts';

const texts = (lines: readonly { bytes: Buffer }[]) => lines.map(({ bytes }) => bytes.toString());

describe('createLineSplitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b\n', '\n', '\r\n', 'ü', 'ccc'), { maxLength: 60 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (whole, sizes) => {
        const bytes = Buffer.from(whole);
        const splitter = createLineSplitter(1000);
        const lines: { bytes: Buffer; end: number }[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          lines.push(...splitter.push(bytes.subarray(at, at + size)));
          at += size;
        }
        const expected = whole.split('\n').slice(0, -1);
        expect(texts(lines)).toEqual(expected.map((line) => line.replace(/\r$/, '')));
        for (const { end } of lines) expect(bytes[end - 1]).toBe(10);
        const rest = whole.slice(whole.lastIndexOf('\n') + 1);
        expect(splitter.rest()?.bytes.toString() ?? '').toBe(rest.replace(/\r$/, ''));
      }),
    );
  });

  it('keeps no more of a line than its limit, and says how much went', () => {
    const splitter = createLineSplitter(10);
    const chunk = Buffer.alloc(65_536, 'x');
    for (let times = 0; times < 16; times += 1) expect(splitter.push(chunk)).toEqual([]);
    const [line] = splitter.push(Buffer.from('\nnext\n'));
    expect(line?.bytes.toString()).toBe('xxxxxxxxxx');
    expect(line?.cutBytes).toBe(1_048_576 - 10);
    expect(line?.end).toBe(1_048_577);
  });

  it('leaves out the hole that a cut file begins with, and counts it in the offset', () => {
    const splitter = createLineSplitter(100, 0);
    expect(splitter.push(Buffer.alloc(50_000))).toEqual([]);
    expect(splitter.push(Buffer.from('\0\0first\n'))).toMatchObject([
      { bytes: Buffer.from('first'), cutBytes: 0, end: 50_008 },
    ]);
  });
});
