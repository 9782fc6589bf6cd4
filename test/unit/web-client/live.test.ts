import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LiveEvent } from '#web-api';
import { createLive } from '../../../web/client/data/live.ts';

/** An EventSource that the test opens, breaks and speaks through. */
class FakeSource extends EventTarget {
  isClosed = false;
  close(): void {
    this.isClosed = true;
  }
}

const setUp = () => {
  const sources: FakeSource[] = [];
  const failures: number[] = [];
  const live = createLive({
    open: () => {
      const source = new FakeSource();
      sources.push(source);
      return source as unknown as EventSource;
    },
    random: () => 0.5,
    onFailed: () => failures.push(1),
  });
  const last = (): FakeSource => {
    const source = sources.at(-1);
    if (source === undefined) throw new Error('nothing was opened');
    return source;
  };
  return { live, sources, failures, last };
};

describe('the live stream', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('hands on what it can read', () => {
    const { live, last } = setUp();
    const events: LiveEvent[] = [];
    live.onEvent((event) => events.push(event));
    live.start();
    const event: LiveEvent = {
      kind: 'device.deleted',
      organization_id: 'o',
      device_id: 'd',
      at: '2026-11-23T12:00:00Z',
    };
    last().dispatchEvent(new MessageEvent('device.deleted', { data: JSON.stringify(event) }));
    last().dispatchEvent(new MessageEvent('device.deleted', { data: 'rubbish' }));
    expect(events).toEqual([event]);
  });

  it('opens again after a loss, later each time, and says that something may be missing', () => {
    const { live, sources, failures, last } = setUp();
    let resumed = 0;
    live.onResumed(() => {
      resumed += 1;
    });
    live.start();
    last().dispatchEvent(new Event('open'));
    expect([live.link.get(), resumed]).toEqual(['connected', 0]);
    last().dispatchEvent(new Event('error'));
    expect([live.link.get(), last().isClosed, failures.length]).toEqual(['lost', true, 1]);
    vi.advanceTimersByTime(500);
    expect(sources.length).toBe(2);
    last().dispatchEvent(new Event('error'));
    vi.advanceTimersByTime(500);
    expect(sources.length).toBe(2);
    vi.advanceTimersByTime(250);
    expect(sources.length).toBe(3);
    last().dispatchEvent(new Event('open'));
    expect([live.link.get(), resumed]).toEqual(['connected', 1]);
  });

  it('never waits longer than its ceiling', () => {
    const { live, sources, last } = setUp();
    live.start();
    for (let round = 0; round < 40; round += 1) {
      last().dispatchEvent(new Event('error'));
      vi.advanceTimersByTime(7_750);
    }
    expect(sources.length).toBe(41);
  });

  it('tries at once when told to, and not at all when stopped', () => {
    const { live, sources, last } = setUp();
    live.start();
    last().dispatchEvent(new Event('error'));
    live.retry();
    expect(sources.length).toBe(2);
    live.stop();
    vi.advanceTimersByTime(60_000);
    live.retry();
    expect([sources.length, live.link.get()]).toEqual([2, 'idle']);
  });

  it('gives its connection up while paused, and catches up afterwards', () => {
    const { live, sources, last } = setUp();
    let resumed = 0;
    live.onResumed(() => {
      resumed += 1;
    });
    live.start();
    last().dispatchEvent(new Event('open'));
    live.pause();
    live.retry();
    expect([last().isClosed, sources.length]).toEqual([true, 1]);
    live.resume();
    last().dispatchEvent(new Event('open'));
    expect([sources.length, resumed]).toEqual([2, 1]);
  });
});
