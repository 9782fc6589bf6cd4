/** Records for one live message: what fits goes, the rest is counted. Pure but for its own list. */

/** The contract's bound for one message. */
export const MAX_LIVE_RECORDS = 500;
/** Half of the broker's frame limit of 256 KiB, so that a viewer cannot crowd out the outbox. */
export const MAX_LIVE_BYTES = 128 * 1024;
/** Room for `seq`, `skipped` and the brackets. */
const ENVELOPE_BYTES = 100;

export interface TakenBatch<R> {
  readonly records: R[];
  readonly skipped: number;
}

export interface LiveBatch<R> {
  /** Keeps the record, or counts it as skipped. */
  add(record: R): void;
  /** Counts what could not be sent. */
  skip(count: number): void;
  /** What to say now, null for nothing; the batch is empty then. */
  take(): TakenBatch<R> | null;
  clear(): void;
}

export function createLiveBatch<R>(): LiveBatch<R> {
  let records: R[] = [];
  let bytes = ENVELOPE_BYTES;
  let skipped = 0;
  const clear = (): void => {
    records = [];
    bytes = ENVELOPE_BYTES;
    skipped = 0;
  };
  return {
    add(record) {
      const size = records.length < MAX_LIVE_RECORDS ? sizeOf(record) : Number.POSITIVE_INFINITY;
      if (bytes + size > MAX_LIVE_BYTES) {
        skipped += 1;
        return;
      }
      records.push(record);
      bytes += size;
    },
    skip(count) {
      skipped += count;
    },
    take() {
      if (records.length === 0 && skipped === 0) return null;
      const taken = { records, skipped };
      clear();
      return taken;
    },
    clear,
  };
}

/** The newest of a list that fit into one message, in their order. */
export function newestThatFit<R>(records: readonly R[]): R[] {
  let bytes = ENVELOPE_BYTES;
  let first = records.length;
  while (first > 0 && records.length - first < MAX_LIVE_RECORDS) {
    bytes += sizeOf(records[first - 1]);
    if (bytes > MAX_LIVE_BYTES) break;
    first -= 1;
  }
  return records.slice(first);
}

/** With the comma behind it. */
const sizeOf = (record: unknown): number => Buffer.byteLength(JSON.stringify(record)) + 1;
