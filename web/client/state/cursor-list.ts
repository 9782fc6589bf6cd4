/** A list that comes in cursor pages: the first page, and more on demand. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { ApiError } from '../data/api-error.ts';

export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
  readonly next_cursor: string | null;
}
/** `shown`: how many rows the page should bring at least, so that a reload keeps what was scrolled to. */
export type FetchPage<T> = (
  cursor: string | undefined,
  shown: number,
  signal: AbortSignal,
) => Promise<Page<T>>;

export class CursorList<T> implements ReactiveController {
  items: readonly T[] | null = null;
  total = 0;
  error: ApiError | null = null;
  isLoading = false;
  readonly #host: ReactiveControllerHost;
  readonly #fetch: FetchPage<T>;
  #nextCursor: string | null = null;
  #running: AbortController | null = null;

  constructor(host: ReactiveControllerHost, fetch: FetchPage<T>) {
    this.#host = host;
    this.#fetch = fetch;
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#running?.abort(new DOMException('page left', 'AbortError'));
  }

  get hasMore(): boolean {
    return this.#nextCursor !== null;
  }

  /** The first page again. With `forget` the shown rows give way to the loading state at once. */
  async load(options: { forget?: boolean } = {}): Promise<void> {
    if (options.forget) this.items = null;
    await this.#ask(undefined, () => [], this.items?.length ?? 0);
  }

  /** The next page, once at a time. */
  async more(): Promise<void> {
    const cursor = this.#nextCursor;
    if (cursor === null || this.isLoading) return;
    await this.#ask(cursor, () => this.items ?? [], 0);
  }

  /** Replaces what is shown after a live change; total as the caller counts it. */
  put(items: readonly T[], total: number): void {
    this.items = items;
    this.total = total;
    this.#host.requestUpdate();
  }

  async #ask(cursor: string | undefined, before: () => readonly T[], shown: number): Promise<void> {
    this.#running?.abort(new DOMException('asked again', 'AbortError'));
    const running = new AbortController();
    this.#running = running;
    this.isLoading = true;
    this.#host.requestUpdate();
    try {
      const page = await this.#fetch(cursor, shown, running.signal);
      if (this.#running !== running) return;
      this.items = [...before(), ...page.items];
      this.total = page.total;
      this.#nextCursor = page.next_cursor;
      this.error = null;
    } catch (error) {
      if (this.#running !== running || running.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
    }
    this.isLoading = false;
    this.#host.requestUpdate();
  }
}
