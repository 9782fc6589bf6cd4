import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  eventsOf,
  MAX_SEEN_IDS,
  SEEN_INTERVAL_MS,
  startSeenDevices,
} from '../../../../control-plane/ingest/seen.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const at = new Date('2026-11-23T06:00:00Z');
const ids = (count: number): Set<string> =>
  new Set(
    Array.from({ length: count }, (_, index) => `0b6f3a1e-58a1-4c8e-9a44-${String(index).padStart(12, '0')}`),
  );
const ignore = (): void => undefined;
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

describe('eventsOf', () => {
  it('cuts an organisation into events that fit into a notice', () => {
    const events = eventsOf(new Map([['a', ids(2 * MAX_SEEN_IDS + 1)]]), at);
    expect(events).toHaveLength(3);
    for (const event of events) expect(JSON.stringify(event).length).toBeLessThan(7900);
  });
});

describe('startSeenDevices', () => {
  it('tells all beats of half a second at once, each device once, each organisation alone', async () => {
    const told: unknown[] = [];
    const notify = async (_channel: string, event: unknown): Promise<void> => void told.push(event);
    const seen = startSeenDevices({ database: { notify }, log, now: () => at });
    seen.add('a', new Set(['1', '2']));
    seen.add('a', new Set(['2', '3']));
    seen.add('b', new Set(['4']));
    await vi.advanceTimersByTimeAsync(SEEN_INTERVAL_MS - 1);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(told).toMatchObject([
      { organization_id: 'a', device_ids: ['1', '2', '3'] },
      { organization_id: 'b', device_ids: ['4'] },
    ]);
    seen.add('a', new Set(['5']));
    await seen.stop();
    expect(told).toHaveLength(3);
  });

  it('goes on after a failure', async () => {
    let tries = 0;
    const notify = async (): Promise<void> => {
      tries += 1;
      throw new Error('away');
    };
    const seen = startSeenDevices({ database: { notify }, log, now: () => at });
    seen.add('a', new Set(['1']));
    await vi.advanceTimersByTimeAsync(SEEN_INTERVAL_MS);
    seen.add('a', new Set(['1']));
    await seen.stop();
    expect(tries).toBe(2);
  });
});
