import { describe, expect, it } from 'vitest';
import { planSequence } from '../../../../control-plane/telemetry/sequence.ts';

describe('planSequence', () => {
  it.each([
    ['stores the first batch of a new boot id', 0, 1, { kind: 'store', cursor: 1 }],
    ['stores the next batch', 41, 42, { kind: 'store', cursor: 42 }],
    ['skips a batch sent again', 42, 42, { kind: 'duplicate', cursor: 42 }],
    ['skips an older batch', 42, 7, { kind: 'duplicate', cursor: 42 }],
    ['refuses a gap and names the cursor', 42, 44, { kind: 'gap', cursor: 42 }],
    ['refuses a start above 1, as after the restore of an old backup', 0, 99, { kind: 'gap', cursor: 0 }],
  ])('%s', (_sentence, cursor, seq, expected) => {
    expect(planSequence(cursor, seq)).toEqual(expected);
  });
});
