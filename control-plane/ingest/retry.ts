/** Tries a transaction until the database answers, and knows since when it does. */
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';

const RETRY_FIRST_MS = 100;
const RETRY_LONGEST_MS = 2000;
/** About twice a minute while it lasts. */
const LOG_EVERY_ATTEMPTS = 20;

export interface Retry {
  /** @throws AppError 'service.unavailable' once stopped, and at once where retrying is off. */
  run<T>(messages: number, work: () => Promise<T>): Promise<T>;
  /** Null while the database answers, else resolves when it does again, or on stop. */
  whenAnswering(): Promise<void> | null;
  readonly pausedSince: Date | null;
  readonly answeringSince: Date | null;
  stop(): void;
}

export function createRetry(deps: {
  isOn: boolean;
  log: Logger;
  now: () => Date;
  random: () => number;
}): Retry {
  const { log, now, random } = deps;
  const stopping = new AbortController();
  let pausedSince: Date | null = null;
  let answeringSince: Date | null = now();
  let recovery = Promise.withResolvers<void>();

  function pauseReading(error: unknown, messages: number, attempt: number): void {
    if (attempt % LOG_EVERY_ATTEMPTS === 0) {
      log.warn({ err: error, messages, attempt, pausedSince }, 'batch not committed');
    }
    if (pausedSince !== null) return;
    pausedSince = now();
    answeringSince = null;
    recovery = Promise.withResolvers<void>();
  }

  function resumeReading(): void {
    if (pausedSince === null) return;
    log.info({ pausedSince }, 'the database answers again');
    pausedSince = null;
    answeringSince = now();
    recovery.resolve();
  }

  return {
    async run(messages, work) {
      for (let attempt = 0; ; attempt += 1) {
        try {
          const result = await work();
          resumeReading();
          return result;
        } catch (error) {
          pauseReading(error, messages, attempt);
          if (!deps.isOn || stopping.signal.aborted) throw unavailable(error);
          const backoffMs = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** attempt);
          await pause(backoffMs * (0.5 + random() / 2), stopping.signal);
          if (stopping.signal.aborted) throw unavailable(error);
        }
      }
    },
    whenAnswering: () => (pausedSince === null ? null : recovery.promise),
    get pausedSince() {
      return pausedSince;
    },
    get answeringSince() {
      return answeringSince;
    },
    stop() {
      stopping.abort();
      recovery.resolve();
    },
  };
}

export const unavailable = (cause: unknown): AppError =>
  cause instanceof AppError ? cause : new AppError('service.unavailable', { cause, retryAfterSeconds: 5 });

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
