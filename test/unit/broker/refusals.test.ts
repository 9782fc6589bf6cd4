/** Refusals: counted for ever, folded per second, bounded, and safe to show. */
import { describe, expect, it } from 'vitest';
import { decodeValue, RefusalReport } from '#contract';
import { createRefusals, MAX_FOLDED, printable } from '../../../broker/refusals.ts';

const device = (number: number) => ({
  kind: 'device' as const,
  org: 'acme',
  device: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
});

describe('createRefusals', () => {
  it('folds by device and reason, keeping the first detail', () => {
    const refusals = createRefusals();
    refusals.note(device(1), 'publish.topic', 'a');
    refusals.note(device(1), 'publish.topic', 'b');
    refusals.note(device(2), 'publish.topic', 'c');
    expect(refusals.take()).toEqual([
      { org: 'acme', device: device(1).device, reason: 'publish.topic', detail: 'a', count: 2 },
      { org: 'acme', device: device(2).device, reason: 'publish.topic', detail: 'c', count: 1 },
    ]);
    expect(refusals.take()).toEqual([]);
    expect(refusals.totals()['publish.topic']).toBe(3);
  });

  it('stays within one message of the contract however many devices misbehave, and loses no count', () => {
    const refusals = createRefusals();
    for (let number = 0; number < 3000; number += 1)
      refusals.note(device(number), 'rate.device', 'x'.repeat(1000));
    refusals.note(null, 'identity.unknown', '');
    const entries = refusals.take();
    expect(entries.length).toBeLessThanOrEqual(MAX_FOLDED);
    expect(entries.reduce((sum, { count }) => sum + count, 0)).toBe(3001);
    expect(decodeValue(RefusalReport, { refusals: entries })).toMatchObject({ ok: true });
  });

  it('names no organisation for a service and no device for an integrator', () => {
    const refusals = createRefusals();
    refusals.note({ kind: 'service', name: 'web' }, 'subscribe.topic', '#');
    refusals.note({ kind: 'integration', org: 'acme', name: 'reports' }, 'subscribe.topic', '#');
    expect(refusals.take().map(({ org, device: id }) => [org, id])).toEqual([
      [null, null],
      ['acme', null],
    ]);
  });
});

describe('printable', () => {
  it('leaves nothing that a terminal or a page would act on', () => {
    expect(printable('a\u001b[31m\n\u202e\0é')).toBe('a\\u001b[31m\\u000a\\u202e\\u0000\\u00e9');
    expect(printable('\u001b'.repeat(1000))).toHaveLength(300);
  });
});
