import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startJobs } from '../../../../control-plane/jobs/intervals.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };

describe('startJobs', () => {
  it('runs a job again after each run, never two at a time', async () => {
    let open = 0;
    let most = 0;
    let runs = 0;
    const run = async (): Promise<void> => {
      open += 1;
      runs += 1;
      most = Math.max(most, open);
      await new Promise((resolve) => setTimeout(resolve, 350));
      open -= 1;
    };
    const jobs = startJobs({
      jobs: [{ name: 'slow', everyMs: 100, run }],
      log: { ...quiet, error: () => undefined },
      random: () => 0.5,
    });
    await vi.advanceTimersByTimeAsync(2000);
    expect(most).toBe(1);
    expect(runs).toBe(5);
    const stopped = jobs.stop();
    await vi.advanceTimersByTimeAsync(1000);
    await stopped;
    expect(runs).toBe(5);
    expect(open).toBe(0);
  });

  it('logs a failure by the name of its job and tries again', async () => {
    const failures: object[] = [];
    let runs = 0;
    const jobs = startJobs({
      jobs: [
        {
          name: 'bad',
          everyMs: 100,
          async run() {
            runs += 1;
            throw new Error('no');
          },
        },
      ],
      log: { ...quiet, error: (fields) => void failures.push(fields) },
      random: () => 0,
    });
    await vi.advanceTimersByTimeAsync(500);
    expect(runs).toBeGreaterThan(3);
    expect(failures).toHaveLength(runs);
    expect(failures[0]).toMatchObject({ job: 'bad' });
    await jobs.stop();
  });
});
