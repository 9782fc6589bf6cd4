/** Reads the series of one or two devices, a few metric types at a time; each fails by itself. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { SeriesReply } from '#web-api';
import { ApiError } from '../data/api-error.ts';
import type { Span } from './chart-range.ts';

/** A browser has six connections to a host over HTTP/1.1, and two are streams. */
const MAX_AT_ONCE = 3;

export interface SeriesQuestion {
  readonly deviceId: string;
  readonly metricType: string;
}
export type SeriesResult =
  | { readonly kind: 'there'; readonly reply: SeriesReply }
  | { readonly kind: 'failed'; readonly error: ApiError };

export class SeriesReader implements ReactiveController {
  /** By device and type. */
  readonly results = new Map<string, SeriesResult>();
  isLoading = false;
  /** What the results are about; null before the first. */
  span: Span | null = null;
  #running: AbortController | null = null;
  readonly #host: ReactiveControllerHost;
  readonly #fetch: (question: SeriesQuestion, span: Span, signal: AbortSignal) => Promise<SeriesReply>;

  constructor(
    host: ReactiveControllerHost,
    fetch: (question: SeriesQuestion, span: Span, signal: AbortSignal) => Promise<SeriesReply>,
  ) {
    this.#host = host;
    this.#fetch = fetch;
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#running?.abort(new DOMException('page left', 'AbortError'));
  }

  resultOf(question: SeriesQuestion): SeriesResult | undefined {
    return this.results.get(keyOf(question));
  }

  /** All answers take the place of the old ones together, so that the charts move together. Never throws an ApiError. */
  async load(questions: readonly SeriesQuestion[], span: Span): Promise<void> {
    this.#running?.abort(new DOMException('asked again', 'AbortError'));
    const running = new AbortController();
    this.#running = running;
    this.isLoading = true;
    this.#host.requestUpdate();
    const waiting = [...questions];
    const found = new Map<string, SeriesResult>();
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        found.set(keyOf(next), await this.#ask(next, span, running.signal));
      }
    };
    try {
      await Promise.all(Array.from({ length: MAX_AT_ONCE }, work));
    } catch (error) {
      if (running.signal.aborted) return;
      throw error;
    }
    if (running.signal.aborted) return;
    this.results.clear();
    for (const [key, result] of found) this.results.set(key, result);
    this.span = span;
    this.isLoading = false;
    this.#host.requestUpdate();
  }

  async #ask(question: SeriesQuestion, span: Span, signal: AbortSignal): Promise<SeriesResult> {
    try {
      return { kind: 'there', reply: await this.#fetch(question, span, signal) };
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) throw error;
      return { kind: 'failed', error };
    }
  }
}

const keyOf = ({ deviceId, metricType }: SeriesQuestion): string => `${deviceId} ${metricType}`;
