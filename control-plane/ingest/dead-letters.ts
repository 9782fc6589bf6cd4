/** Messages that nobody can use: counted always, kept as samples with their reason, bounded per device and minute. */
import type { Database } from '#db';
import type { Logger } from '../log.ts';
import { SAMPLE_BYTES } from './message.ts';

/** Samples per device and minute; one broken device must not fill the table. */
export const SAMPLES_PER_DEVICE_MINUTE = 5;
/** Samples of all devices together per minute. */
export const SAMPLES_PER_MINUTE = 300;
/** Samples that wait for the database; more are only counted. */
const MAX_WAITING = 300;
const FLUSH_MS = 1000;

type Row = Parameters<Database['telemetry']['deadLetter']>[0][number];

export interface DeadLetterSampler {
  /** Counts one; true where its sample may be kept. */
  admit(device: string | null): boolean;
  readonly counted: number;
}

/** A window of one minute, counted from `now`. */
export function createDeadLetterSampler(now: () => Date): DeadLetterSampler {
  let minute = 0;
  let admitted = 0;
  let counted = 0;
  const ofDevice = new Map<string, number>();
  return {
    admit(device) {
      counted += 1;
      const current = Math.floor(now().getTime() / 60_000);
      if (current !== minute) {
        minute = current;
        admitted = 0;
        ofDevice.clear();
      }
      const key = device ?? '';
      const count = ofDevice.get(key) ?? 0;
      if (count >= SAMPLES_PER_DEVICE_MINUTE || admitted >= SAMPLES_PER_MINUTE) return false;
      ofDevice.set(key, count + 1);
      admitted += 1;
      return true;
    },
    get counted() {
      return counted;
    },
  };
}

export interface DeadLetterBox {
  /** Never waits and never throws. */
  put(row: Row): void;
  stop(): Promise<void>;
}

/** Writes samples beside ingest, a second at a time, so that rubbish never slows good messages down. */
export function startDeadLetterBox(deps: {
  database: Pick<Database, 'telemetry'>;
  sampler: DeadLetterSampler;
  log: Logger;
}): DeadLetterBox {
  let waiting: Row[] = [];
  let flushing: Promise<void> = Promise.resolve();
  const timer = setInterval(flush, FLUSH_MS);
  timer.unref();

  function flush(): void {
    if (waiting.length === 0) return;
    const rows = waiting;
    waiting = [];
    flushing = flushing.then(async () => {
      try {
        await deps.database.telemetry.deadLetter(rows);
      } catch (error) {
        deps.log.warn({ err: error, rows: rows.length }, 'dead letters not kept');
      }
    });
  }

  return {
    put(row) {
      const isKept = deps.sampler.admit(row.device) && waiting.length < MAX_WAITING;
      if (isKept) waiting.push({ ...row, sample: row.sample.subarray(0, SAMPLE_BYTES) });
    },
    async stop() {
      clearInterval(timer);
      flush();
      await flushing;
    },
  };
}
