import { describe, expect, it } from 'vitest';
import {
  createDeadLetterSampler,
  SAMPLES_PER_DEVICE_MINUTE,
  SAMPLES_PER_MINUTE,
} from '../../../../control-plane/ingest/dead-letters.ts';

describe('createDeadLetterSampler', () => {
  it('admits a few per device and minute, and counts all', () => {
    let now = new Date('2026-11-23T06:00:00Z');
    const sampler = createDeadLetterSampler(() => now);
    const admitted = () => Array.from({ length: 50 }, () => sampler.admit('a')).filter(Boolean).length;
    expect(admitted()).toBe(SAMPLES_PER_DEVICE_MINUTE);
    expect(sampler.admit('b')).toBe(true);
    now = new Date(now.getTime() + 60_000);
    expect(admitted()).toBe(SAMPLES_PER_DEVICE_MINUTE);
    expect(sampler.counted).toBe(101);
  });

  it('is bounded over all devices together', () => {
    const sampler = createDeadLetterSampler(() => new Date(0));
    const admitted = Array.from({ length: 1000 }, (_, index) => sampler.admit(`device ${index}`));
    expect(admitted.filter(Boolean)).toHaveLength(SAMPLES_PER_MINUTE);
  });
});
