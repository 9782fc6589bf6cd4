/** A map whose entries end after a while, and that never grows beyond its bound: the oldest make room. */

export interface CacheLimits {
  readonly ttlMs: number;
  readonly maxEntries: number;
  readonly now: () => Date;
}

export class BoundedCache<T> {
  readonly #limits: CacheLimits;
  readonly #entries = new Map<string, { readonly value: T; readonly endsAtMs: number }>();

  constructor(limits: CacheLimits) {
    this.#limits = limits;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.endsAtMs > this.#limits.now().getTime()) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, endsAtMs: this.#limits.now().getTime() + this.#limits.ttlMs });
    const oldest = this.#entries.keys().next();
    if (this.#entries.size > this.#limits.maxEntries && !oldest.done) this.#entries.delete(oldest.value);
  }

  /** With a value: only where it is still that one. */
  delete(key: string, value?: T): void {
    if (value === undefined || this.#entries.get(key)?.value === value) this.#entries.delete(key);
  }

  deleteWhere(matches: (value: T) => boolean): void {
    for (const [key, { value }] of this.#entries) if (matches(value)) this.#entries.delete(key);
  }
}
