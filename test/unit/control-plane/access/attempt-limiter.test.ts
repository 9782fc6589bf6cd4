/** Attempts per key and window. */
import { describe, expect, it } from 'vitest';
import { createAttemptLimiter } from '../../../../control-plane/access/attempt-limiter.ts';

function limiterAt(startMs: number, maxKeys = 100) {
  const clock = { ms: startMs };
  const limiter = createAttemptLimiter({ attempts: 3, windowMs: 60_000, maxKeys }, () => new Date(clock.ms));
  return { clock, limiter };
}

describe('createAttemptLimiter', () => {
  it('lets the allowed number through and then names the wait', () => {
    const { clock, limiter } = limiterAt(0);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(limiter.waitSeconds('a')).toBe(0);
      limiter.add('a');
    }
    clock.ms = 20_500;
    expect(limiter.waitSeconds('a')).toBe(40);
    expect(limiter.waitSeconds('b')).toBe(0);
  });

  it('starts anew when the window is over', () => {
    const { clock, limiter } = limiterAt(0);
    for (let attempt = 0; attempt < 3; attempt += 1) limiter.add('a');
    clock.ms = 59_999;
    expect(limiter.waitSeconds('a')).toBe(1);
    clock.ms = 60_000;
    expect(limiter.waitSeconds('a')).toBe(0);
  });

  it('forgets an attempt that is given back', () => {
    const { limiter } = limiterAt(0);
    for (let attempt = 0; attempt < 3; attempt += 1) limiter.add('a');
    limiter.giveBack('a');
    expect(limiter.waitSeconds('a')).toBe(0);
  });

  it('remembers no more keys than it may, the newest ones', () => {
    const { limiter } = limiterAt(0, 2);
    for (const key of ['old', 'old', 'old', 'middle', 'new', 'new', 'new']) limiter.add(key);
    expect(limiter.waitSeconds('old')).toBe(0);
    expect(limiter.waitSeconds('new')).toBe(60);
  });

  it('makes whoever goes on guessing wait longer and longer, up to a bound', () => {
    const clock = { ms: 0 };
    const limiter = createAttemptLimiter(
      { attempts: 3, windowMs: 60_000, maxWindowMs: 200_000, maxKeys: 100 },
      () => new Date(clock.ms),
    );
    const waits: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      for (let attempt = 0; attempt < 3; attempt += 1) limiter.add('a');
      waits.push(limiter.waitSeconds('a'));
      clock.ms += limiter.waitSeconds('a') * 1000;
    }
    expect(waits).toEqual([60, 120, 200, 200]);
    // A pause as long as the last wait forgives.
    clock.ms += 200_000;
    limiter.add('a');
    for (let attempt = 0; attempt < 2; attempt += 1) limiter.add('a');
    expect(limiter.waitSeconds('a')).toBe(60);
  });

  it('forgets a key that has proved itself', () => {
    const { limiter } = limiterAt(0);
    for (let attempt = 0; attempt < 3; attempt += 1) limiter.add('a');
    limiter.forget('a');
    expect(limiter.waitSeconds('a')).toBe(0);
  });
});
