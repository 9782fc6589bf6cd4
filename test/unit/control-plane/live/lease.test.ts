/** Leases, and lines that come again with somebody else's replay. */
import { describe, expect, it } from 'vitest';
import { CHANNELS, decodeValue, LEASE_TTL_MS, type LogRecord } from '#contract';
import { endOfLease, isAtLeast, leaseMessage, lowestLevel } from '../../../../control-plane/live/lease.ts';
import { createReplayFilter } from '../../../../control-plane/live/replay-filter.ts';

describe('a lease', () => {
  it('asks for the lowest level that anybody wants', () => {
    expect(lowestLevel([{ minLevel: 'error' }, { minLevel: 'info' }])).toBe('info');
    expect(lowestLevel([{ minLevel: 'error' }, { minLevel: null }])).toBeNull();
    expect(lowestLevel([])).toBeNull();
  });

  it.each([
    [
      leaseMessage('lease-0001', 'logs', { minLevel: 'error', replay: 100 }),
      { min_level: 'error', replay: 100 },
    ],
    [leaseMessage('lease-0001', 'logs', { minLevel: null, replay: 0 }), {}],
    [leaseMessage('lease-0001', 'metrics', { minLevel: 'error', replay: 100 }), {}],
  ])('says no more than its stream knows', (message, rest) => {
    expect(message).toEqual({
      kind: 'lease',
      lease_id: 'lease-0001',
      stream: message.stream,
      ttl_ms: LEASE_TTL_MS,
      ...rest,
    });
    expect(decodeValue(CHANNELS.control.payload, message).ok).toBe(true);
  });

  it('ends by a life of nothing', () => {
    const end = endOfLease('lease-0001', 'logs');
    expect(end.ttl_ms).toBe(0);
    expect(decodeValue(CHANNELS.control.payload, end).ok).toBe(true);
  });

  it('lets through what is as severe as wanted', () => {
    expect([isAtLeast('error', 'warning'), isAtLeast('info', 'warning'), isAtLeast('debug', null)]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe('the replay filter', () => {
  const line = (message: string, second: number): LogRecord => ({
    timestamp: `2026-11-23T06:00:${String(second).padStart(2, '0')}Z`,
    log_level: 'info',
    service_name: 'vllm',
    message,
  });

  it('passes equal lines while nobody replays', () => {
    const filter = createReplayFilter();
    const viewer = filter.viewer();
    const twice = [line('same', 1), line('same', 1)];
    expect(filter.accept(twice, false)(viewer)).toEqual(twice);
    expect(filter.accept(twice, false)(viewer)).toEqual(twice);
  });

  it('keeps a replay from those who did not ask, and gives it whole to the one who did', () => {
    const filter = createReplayFilter();
    const first = filter.viewer();
    filter.accept([line('b', 2)], false)(first);
    const later = filter.viewer();
    later.takesOlder = true;
    const taken = filter.accept([line('a', 1), line('b', 2), line('c', 3)], true);
    expect(taken(first)).toEqual([line('c', 3)]);
    expect(taken(later)).toEqual([line('a', 1), line('b', 2), line('c', 3)]);
  });

  it('brings no line of the replay that its viewer has had live', () => {
    const filter = createReplayFilter();
    const later = filter.viewer();
    later.takesOlder = true;
    expect(filter.accept([line('live', 5)], true)(later)).toEqual([line('live', 5)]);
    expect(filter.accept([line('old', 1), line('live', 5)], true)(later)).toEqual([line('old', 1)]);
  });
});
