/** Runs named jobs again and again: with jitter, never two of one at a time, errors logged, stopped in order. */
import type { Logger } from '../log.ts';

export interface Job {
  readonly name: string;
  /** From the end of one run to the start of the next. */
  readonly everyMs: number;
  run(): Promise<void>;
}

/** Of the interval, so that processes that start together drift apart. */
const JITTER = 0.1;
/** Latest first run, whatever the interval. */
const FIRST_RUN_MS = 5000;

export function startJobs(deps: { jobs: readonly Job[]; log: Logger; random?: () => number }): {
  stop(): Promise<void>;
} {
  const { jobs, log, random = Math.random } = deps;
  const timers = new Map<string, NodeJS.Timeout>();
  const running = new Set<Promise<void>>();
  let isStopped = false;

  function plan(job: Job, delayMs: number): void {
    if (isStopped) return;
    const timer = setTimeout(() => {
      const run = runOnce(job).finally(() => {
        running.delete(run);
        plan(job, job.everyMs * (1 - JITTER / 2 + random() * JITTER));
      });
      running.add(run);
    }, delayMs);
    timers.set(job.name, timer);
  }

  async function runOnce(job: Job): Promise<void> {
    try {
      await job.run();
    } catch (error) {
      log.error({ err: error, job: job.name }, 'job failed');
    }
  }

  for (const job of jobs) plan(job, Math.min(job.everyMs, FIRST_RUN_MS) * random());
  return {
    async stop() {
      isStopped = true;
      for (const timer of timers.values()) clearTimeout(timer);
      await Promise.all(running);
    },
  };
}
