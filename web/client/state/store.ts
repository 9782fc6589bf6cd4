/** A value that tells its readers when it changes, and the controller by which an element follows it. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';

export interface Readable<T> {
  get(): T;
  subscribe(listener: (value: T) => void): () => void;
}
export interface Store<T> extends Readable<T> {
  /** Says nothing when the value is the same. */
  set(value: T): void;
}

export function createStore<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<(value: T) => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener(next);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Renders the host again when any of the stores changes, while the host is connected. */
export class Follow implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #stores: () => readonly Readable<unknown>[];
  #stop: (() => void)[] = [];

  constructor(host: ReactiveControllerHost, stores: () => readonly Readable<unknown>[]) {
    this.#host = host;
    this.#stores = stores;
    host.addController(this);
  }

  hostConnected(): void {
    this.#stop = this.#stores().map((store) => store.subscribe(() => this.#host.requestUpdate()));
  }

  hostDisconnected(): void {
    for (const stop of this.#stop) stop();
    this.#stop = [];
  }
}
