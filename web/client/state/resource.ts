/** One thing that a page shows: loading, there, or failed; what was there stays while it is asked for again. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { ApiError } from '../data/api-error.ts';

export class Resource<T> implements ReactiveController {
  value: T | null = null;
  error: ApiError | null = null;
  isLoading = false;
  readonly #host: ReactiveControllerHost;
  readonly #fetch: (signal: AbortSignal) => Promise<T>;
  #running: AbortController | null = null;

  constructor(host: ReactiveControllerHost, fetch: (signal: AbortSignal) => Promise<T>) {
    this.#host = host;
    this.#fetch = fetch;
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#running?.abort(new DOMException('page left', 'AbortError'));
  }

  /** Asks again; the newest question wins. Never throws: a failure is shown. */
  async load(options: { forget?: boolean } = {}): Promise<void> {
    this.#running?.abort(new DOMException('asked again', 'AbortError'));
    const running = new AbortController();
    this.#running = running;
    if (options.forget) this.value = null;
    this.isLoading = true;
    this.#host.requestUpdate();
    try {
      const value = await this.#fetch(running.signal);
      if (this.#running !== running) return;
      this.value = value;
      this.error = null;
    } catch (error) {
      if (this.#running !== running || running.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
    }
    this.isLoading = false;
    this.#host.requestUpdate();
  }

  /** Shows a value that came another way, e.g. with the reply to a change. */
  put(value: T): void {
    this.value = value;
    this.error = null;
    this.#host.requestUpdate();
  }
}
