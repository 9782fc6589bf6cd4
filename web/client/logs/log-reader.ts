/** Fills the book: pages from the database both ways, and the live stream while its end is in view of somebody. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { LogRecord } from '#contract';
import type { LogPage } from '#web-api';
import { ApiError } from '../data/api-error.ts';
import type { DeviceStream, StreamState } from '../data/device-stream.ts';
import type { LiveUpdate } from '../data/live-update.ts';
import { type BookChange, LogBook, type LogLine } from './log-book.ts';
import { type LineTest, lineTest } from './log-query.ts';
import type { LogViewState } from './log-view.ts';

/** Lines of one page: some screens, far under a second. */
const PAGE_LINES = 200;
/** Pages by which a gap is filled; after a longer one the view begins anew at its end. */
const MAX_CATCH_UP_PAGES = 10;
/** Between two looks for stored lines that the live stream did not bring. */
const CATCH_UP_MS = 3000;
/** Streamed lines that wait for the next frame; the database has those given up here. */
const MAX_PENDING = 5000;
/** Lines of the device's buffer that bridge the moment between the last page and the stream. */
export const REPLAY_LINES = 100;

/** `paused` and `history`: nothing is streamed, because the reader wants it so or looks at older lines. */
export type TailState = StreamState | 'paused' | 'history';

export interface LogPlaceQuery {
  readonly cursor?: string;
  readonly at?: string;
  readonly around?: string;
  readonly limit: number;
}
export interface LogReaderOptions {
  readonly fetch: (place: LogPlaceQuery, signal: AbortSignal) => Promise<LogPage>;
  readonly watch: (on: {
    onState: (state: StreamState) => void;
    onUpdate: (update: Exclude<LiveUpdate, { kind: 'state' }>) => void;
  }) => DeviceStream;
  readonly onChange: (change: BookChange) => void;
  readonly onReset: () => void;
}

const hasMore = (page: LogPage): boolean =>
  page.older_cursor !== null && (page.items.length > 0 || page.searched_until !== null);

export class LogReader implements ReactiveController {
  readonly book = new LogBook();
  error: ApiError | null = null;
  isLoading = false;
  isLoadingOlder = false;
  hasOlder = false;
  isPaused = false;
  /** A search that goes on page by page: so far back nothing more was found yet. Null = nothing is being searched. */
  searchedUntil: Date | null = null;
  /** Lines that the device left out of the stream and that are not yet read from the database. */
  skipped = 0;
  #tail: StreamState = 'waiting';
  #isAtNewest = false;
  #isLive = true;
  #older: string | null = null;
  #newer: string | null = null;
  #test: LineTest = () => true;
  #stream: DeviceStream | null = null;
  #pending: LogRecord[] = [];
  #frame: number | null = null;
  #running = new AbortController();
  #caughtUpMs = 0;
  #isCatchingUp = false;
  #lateCatchUp: ReturnType<typeof setTimeout> | undefined;
  readonly #host: ReactiveControllerHost;
  readonly #options: LogReaderOptions;

  constructor(host: ReactiveControllerHost, options: LogReaderOptions) {
    this.#host = host;
    this.#options = options;
    host.addController(this);
  }

  get tail(): TailState {
    if (!this.#isLive || !this.#isAtNewest) return 'history';
    return this.isPaused ? 'paused' : this.#tail;
  }

  hostConnected(): void {
    document.addEventListener('visibilitychange', this.#followVisibility);
  }

  hostDisconnected(): void {
    document.removeEventListener('visibilitychange', this.#followVisibility);
    this.#abort();
  }

  /** Begins anew: the newest lines, those at a time, or those around a line. */
  async start(view: LogViewState): Promise<LogLine | null> {
    this.#abort();
    this.#running = new AbortController();
    const running = this.#running;
    this.book.clear();
    this.#options.onReset();
    this.#test = lineTest(view);
    this.#isLive = view.to === '';
    this.#isAtNewest = false;
    this.hasOlder = false;
    this.skipped = 0;
    this.isLoading = true;
    const place = view.line !== '' ? { around: view.line } : view.at !== '' ? { at: view.at } : {};
    const page = await this.#ask({ ...place, limit: PAGE_LINES });
    if (running.signal.aborted) return null;
    this.isLoading = false;
    if (page === null) return null;
    this.#older = page.older_cursor;
    this.#newer = page.newer_cursor;
    this.hasOlder = hasMore(page);
    this.#isAtNewest = view.line === '' && view.at === '';
    this.#options.onChange({ ...this.book.append(page.items), addedBefore: 0 });
    this.#followLive();
    this.#host.requestUpdate();
    if (page.searched_until !== null) {
      this.searchedUntil = new Date(page.searched_until);
      void this.older();
    }
    return this.book.lines.find((line) => line.id === view.line) ?? null;
  }

  async older(): Promise<void> {
    if (this.isLoadingOlder || !this.hasOlder || this.#older === null || this.book.isFull) return;
    this.isLoadingOlder = true;
    this.#host.requestUpdate();
    const { signal } = this.#running;
    // A page that took its time before it was full leads on to the next; whoever waits sees how far it is.
    for (let added = 0; added < PAGE_LINES && this.#older !== null; ) {
      const page = await this.#ask({ cursor: this.#older, limit: PAGE_LINES - added });
      if (signal.aborted) return;
      if (page === null) break;
      this.#older = page.older_cursor;
      this.hasOlder = hasMore(page);
      added += page.items.length;
      if (page.items.length > 0) this.#options.onChange(this.book.prepend(page.items));
      if (page.searched_until === null) break;
      this.searchedUntil = new Date(page.searched_until);
      this.#host.requestUpdate();
    }
    this.isLoadingOlder = false;
    this.searchedUntil = null;
    this.#host.requestUpdate();
  }

  /** Onwards from older lines, until the newest end is reached. */
  async newer(): Promise<void> {
    if (this.#isAtNewest || this.isLoading) return;
    await this.catchUp(1);
  }

  /** Reads what was stored since; lines that were streamed meanwhile get their place. */
  async catchUp(maxPages = MAX_CATCH_UP_PAGES): Promise<void> {
    if (this.#isCatchingUp || this.#newer === null) return;
    this.#isCatchingUp = true;
    const { signal } = this.#running;
    this.#caughtUpMs = performance.now();
    for (let pages = 0; pages < maxPages; pages += 1) {
      const page = await this.#ask({ cursor: this.#newer, limit: PAGE_LINES });
      if (signal.aborted) return;
      if (page === null) break;
      this.#newer = page.newer_cursor ?? this.#newer;
      if (page.items.length > 0) this.#options.onChange(this.book.append(page.items));
      if (page.items.length < PAGE_LINES && page.searched_until === null) {
        this.skipped = 0;
        if (!this.#isAtNewest) {
          this.#isAtNewest = true;
          this.#followLive();
        }
        break;
      }
    }
    this.#isCatchingUp = false;
    this.#host.requestUpdate();
  }

  /** The device was heard of: what it stored shows up soon, with or without a stream. */
  heard(): void {
    if (this.tail === 'history' || this.isPaused || document.visibilityState === 'hidden') return;
    const waitMs = Math.max(0, this.#caughtUpMs + CATCH_UP_MS - performance.now());
    this.#lateCatchUp ??= setTimeout(() => {
      this.#lateCatchUp = undefined;
      void this.catchUp();
    }, waitMs);
  }

  pause(isPaused: boolean): void {
    this.isPaused = isPaused;
    if (isPaused) this.#stopStream();
    else void this.catchUp().then(() => this.#followLive());
    this.#host.requestUpdate();
  }

  #followVisibility = (): void => {
    if (document.visibilityState === 'hidden') this.#stopStream();
    else if (!this.isPaused && this.#isAtNewest) void this.catchUp().then(() => this.#followLive());
  };

  #followLive(): void {
    const isWanted =
      this.#isLive && this.#isAtNewest && !this.isPaused && document.visibilityState !== 'hidden';
    if (!isWanted) this.#stopStream();
    if (!isWanted || this.#stream !== null) return;
    this.book.expectReplay();
    this.#stream = this.#options.watch({
      onState: (state) => {
        if (state === 'waiting') this.book.expectReplay();
        this.#tail = state;
        this.#host.requestUpdate();
      },
      onUpdate: (update) => {
        if (update.kind === 'logs') this.#take(update.records, update.skipped);
      },
    });
  }

  #take(records: readonly LogRecord[], skipped: number): void {
    this.#tail = 'streaming';
    this.skipped += skipped;
    const wanted = records.filter((record) => this.#test(record));
    this.#pending.push(...wanted);
    if (this.#pending.length > MAX_PENDING) this.#pending = this.#pending.slice(-MAX_PENDING);
    // Many messages, one change of the page.
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      const pending = this.#pending;
      this.#pending = [];
      const change = this.book.appendLive(pending);
      if (change.removedBefore > 0) this.hasOlder = false;
      this.#options.onChange(change);
      this.#host.requestUpdate();
    });
  }

  #stopStream(): void {
    this.#stream?.stop();
    this.#stream = null;
    this.#tail = 'waiting';
  }

  #abort(): void {
    this.#running.abort(new DOMException('asked again', 'AbortError'));
    this.#stopStream();
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    clearTimeout(this.#lateCatchUp);
    this.#lateCatchUp = undefined;
    this.#frame = null;
    this.#pending = [];
    this.#isCatchingUp = false;
    this.isLoadingOlder = false;
    this.searchedUntil = null;
  }

  async #ask(place: LogPlaceQuery): Promise<LogPage | null> {
    const { signal } = this.#running;
    try {
      const page = await this.#options.fetch(place, signal);
      this.error = null;
      return page;
    } catch (error) {
      if (signal.aborted) return null;
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
      this.#host.requestUpdate();
      return null;
    }
  }
}
