/** Messages that nobody can use: counted always, kept as samples with their reason, bounded per device and minute. */
import type { Database, DeadLetter } from '#db';
import type { Logger } from '../log.ts';
import type { TelemetryCache } from '../settings-delivery/telemetry-cache.ts';
import { sampleOf } from './dead-letter.ts';

/** Samples per device and minute; one broken device must not fill the table. */
export const SAMPLES_PER_DEVICE_MINUTE = 5;
/** Samples of all devices together per minute. */
export const SAMPLES_PER_MINUTE = 300;
/** Samples that wait for the database; more are only counted. */
const MAX_WAITING = 300;
const FLUSH_MS = 1000;

/** Bytes of a payload that wait; a sample shows less, but half a secret is not recognised. */
const MAX_WAITING_BYTES = 64 * 1024;

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
  put(letter: DeadLetter): void;
  stop(): Promise<void>;
}

/** Writes samples beside ingest, a second at a time, so that rubbish never slows good messages down. */
export function startDeadLetterBox(deps: {
  database: Pick<Database, 'telemetry' | 'organizations'>;
  telemetry: TelemetryCache;
  sampler: DeadLetterSampler;
  log: Logger;
}): DeadLetterBox {
  const { database, telemetry, sampler, log } = deps;
  let waiting: DeadLetter[] = [];
  let flushing: Promise<void> = Promise.resolve();
  const timer = setInterval(flush, FLUSH_MS);
  timer.unref();

  function flush(): void {
    if (waiting.length === 0) return;
    const letters = waiting;
    waiting = [];
    flushing = flushing.then(async () => {
      try {
        await telemetry.ready();
        await database.telemetry.deadLetter(await redacted(letters));
      } catch (error) {
        log.warn({ err: error, letters: letters.length }, 'dead letters not kept');
      }
    });
  }

  /** By the rules of the organisation whose address it came from. */
  async function redacted(letters: readonly DeadLetter[]): Promise<DeadLetter[]> {
    const redactors = new Map([[null as string | null, telemetry.asShipped.redactor]]);
    for (const slug of new Set(letters.map(({ orgSlug }) => orgSlug))) {
      if (slug === null) continue;
      const organization = await database.organizations.findBySlug(slug);
      const { redactor } = organization === null ? telemetry.asShipped : telemetry.of(organization.id);
      redactors.set(slug, redactor);
    }
    return letters.map((letter) => {
      const redactor = redactors.get(letter.orgSlug) ?? telemetry.asShipped.redactor;
      return { ...letter, sample: sampleOf(letter.sample, redactor) };
    });
  }

  return {
    put(letter) {
      const isKept = sampler.admit(letter.device) && waiting.length < MAX_WAITING;
      // A copy: the payload is a slice of all that was read from the socket.
      if (isKept) waiting.push({ ...letter, sample: letter.sample.slice(0, MAX_WAITING_BYTES) });
    },
    async stop() {
      clearInterval(timer);
      flush();
      await flushing;
    },
  };
}
