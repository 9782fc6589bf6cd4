/**
 * The lines that the log view holds, oldest first: pages from the database and what the device streams now, each
 * line once. Bounded; what falls out at one end is fetched again by scrolling there. Pure.
 */
import type { LogRecord } from '#contract';
import type { LogView } from '#web-api';

/** What the view holds without jank; beyond it the far end is let go. */
export const MAX_LINES = 100_000;
/** Let go at once, so that the rest is moved seldom. */
export const TRIM_LINES = 2000;
/** Lines among which a streamed line and its stored twin find each other. */
const MAX_TWINS = 5000;

export interface LogLine {
  /** Names the row while the page is open. */
  readonly key: number;
  readonly atMs: number;
  readonly record: LogRecord;
  /** Place in the log; null until it is known to be stored. */
  readonly id: string | null;
  readonly receivedAt: string | null;
}

/** What a change did to the rows: so many went and came at the beginning. */
export interface BookChange {
  readonly removedBefore: number;
  readonly addedBefore: number;
  /** New rows at the end or in between. */
  readonly addedAfter: number;
}
interface Twin {
  stored: number;
  readonly live: number[];
  liveCount: number;
}

export class LogBook {
  lines: readonly LogLine[] = [];
  readonly #capacity: number;
  #nextKey = 1;
  readonly #twins = new Map<string, Twin>();

  constructor(capacity = MAX_LINES) {
    this.#capacity = capacity;
  }

  clear(): void {
    this.lines = [];
    this.#twins.clear();
  }

  /** No room for a page of older lines: what is newer would have to go. */
  get isFull(): boolean {
    return this.lines.length >= this.#capacity;
  }

  /** A page of older lines, newest first as the API gives it. */
  prepend(page: readonly LogView[]): BookChange {
    const added = page.toReversed().map((view) => this.#stored(view));
    this.lines = [...added, ...this.lines];
    return { removedBefore: 0, addedBefore: added.length, addedAfter: 0 };
  }

  /** A page of newer lines, newest first; a line that was streamed before gets its id and stands where it stood. */
  append(page: readonly LogView[]): BookChange {
    const added: LogLine[] = [];
    const known = new Map<number, LogView>();
    for (const view of page.toReversed()) {
      const twin = this.#twin(view);
      const key = twin.live.shift();
      twin.stored += 1;
      if (key === undefined) added.push(this.#stored(view));
      else known.set(key, view);
    }
    if (known.size > 0) {
      this.lines = this.lines.map((line) => {
        const view = known.get(line.key);
        return view === undefined ? line : { ...line, id: view.id, receivedAt: view.received_at };
      });
    }
    return this.#push(added);
  }

  /** What the device streams: records that are stored already, or were streamed before, are left out. */
  appendLive(records: readonly LogRecord[]): BookChange {
    const added: LogLine[] = [];
    for (const record of records) {
      const twin = this.#twin(record);
      twin.liveCount += 1;
      if (twin.stored >= twin.liveCount) continue;
      const line = this.#line(record, null, null);
      twin.live.push(line.key);
      added.push(line);
    }
    return this.#push(added);
  }

  /** After a new lease the device plays back: each replayed record is met anew. */
  expectReplay(): void {
    for (const twin of this.#twins.values()) {
      twin.stored += twin.live.length;
      twin.liveCount = 0;
    }
  }

  #push(added: readonly LogLine[]): BookChange {
    const [first] = added;
    if (first === undefined) return { removedBefore: 0, addedBefore: 0, addedAfter: 0 };
    const isInOrder = first.atMs >= (this.lines.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY);
    const joined = this.lines.concat(added);
    // Stable, and nearly sorted already.
    const lines = isInOrder && isSorted(added) ? joined : joined.sort((a, b) => a.atMs - b.atMs);
    const removedBefore =
      lines.length > this.#capacity
        ? lines.length - this.#capacity + Math.min(TRIM_LINES, this.#capacity >> 1)
        : 0;
    this.lines = removedBefore > 0 ? lines.slice(removedBefore) : lines;
    return { removedBefore, addedBefore: 0, addedAfter: added.length };
  }

  #stored(view: LogView): LogLine {
    const { timestamp, log_level, service_name, message, metadata } = view;
    const record = {
      timestamp,
      log_level,
      service_name,
      message,
      ...(metadata === null ? {} : { metadata }),
    };
    return this.#line(record, view.id, view.received_at);
  }

  #line(record: LogRecord, id: string | null, receivedAt: string | null): LogLine {
    const key = this.#nextKey;
    this.#nextKey += 1;
    return { key, atMs: Date.parse(record.timestamp), record, id, receivedAt };
  }

  #twin(line: Pick<LogRecord, 'timestamp' | 'log_level' | 'service_name' | 'message'>): Twin {
    const key = `${Date.parse(line.timestamp)} ${line.log_level} ${line.service_name} ${line.message}`;
    const known = this.#twins.get(key);
    if (known !== undefined) return known;
    const twin: Twin = { stored: 0, live: [], liveCount: 0 };
    this.#twins.set(key, twin);
    if (this.#twins.size > 2 * MAX_TWINS) this.#forgetOldTwins();
    return twin;
  }

  /** Half at once: a map that loses its first entry again and again looks longer for the next each time. */
  #forgetOldTwins(): void {
    let left = MAX_TWINS;
    for (const key of this.#twins.keys()) {
      if (left === 0) return;
      left -= 1;
      this.#twins.delete(key);
    }
  }
}

const isSorted = (lines: readonly LogLine[]): boolean =>
  lines.every((line, index) => index === 0 || line.atMs >= (lines[index - 1]?.atMs ?? 0));
