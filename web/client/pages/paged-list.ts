/** A cursor list of one page: follows the organisation's choice and a lost link, and shows its states and further pages. */
import type { ReactiveController, ReactiveControllerHost, TemplateResult } from 'lit';
import { html, nothing } from 'lit';
import { icon } from '../components/icons.ts';
import { errorState, skeletonRows } from '../components/states.ts';
import type { ConsoleContext } from '../state/context.ts';
import { CursorList, type Page } from '../state/cursor-list.ts';

/** Rows that stand for a table while it loads. */
const SKELETON_ROWS = 8;

export interface PagedListOptions<T> {
  readonly context: () => ConsoleContext;
  /** What the list holds, as in `Loading tokens`. */
  readonly what: string;
  readonly fetch: (cursor: { cursor?: string }, signal: AbortSignal) => Promise<Page<T>>;
  /** False: the same for every chosen organisation. */
  readonly followsOrganization?: boolean;
}

export class PagedList<T> implements ReactiveController {
  readonly #list: CursorList<T>;
  readonly #options: PagedListOptions<T>;
  #releases: (() => void)[] = [];

  constructor(host: ReactiveControllerHost, options: PagedListOptions<T>) {
    this.#options = options;
    this.#list = new CursorList<T>(host, (cursor, _shown, signal) =>
      options.fetch(cursor === undefined ? {} : { cursor }, signal),
    );
    host.addController(this);
  }

  get items(): readonly T[] | null {
    return this.#list.items;
  }

  get isLoading(): boolean {
    return this.#list.isLoading;
  }

  hostConnected(): void {
    const { context, followsOrganization } = this.#options;
    void this.load();
    this.#releases = [
      context().live.onResumed(() => void this.load()),
      ...(followsOrganization === false
        ? []
        : [context().organization.subscribe(() => void this.load({ forget: true }))]),
    ];
  }

  hostDisconnected(): void {
    for (const release of this.#releases) release();
    this.#releases = [];
  }

  load(options: { forget?: boolean } = {}): Promise<void> {
    return this.#list.load(options);
  }

  render(parts: {
    readonly empty: TemplateResult;
    readonly table: (items: readonly T[]) => TemplateResult;
  }): TemplateResult {
    const { items, error } = this.#list;
    if (items === null) {
      return error === null
        ? skeletonRows(SKELETON_ROWS, `Loading ${this.#options.what}`)
        : errorState(error, () => void this.load());
    }
    return items.length === 0 ? parts.empty : html`${parts.table(items)} ${this.#foot(items.length)}`;
  }

  #foot(shown: number): TemplateResult | typeof nothing {
    const { error, hasMore, total, isLoading } = this.#list;
    if (error !== null) {
      const again = () => void (hasMore ? this.#list.more() : this.load());
      return html`<div class="table-foot"><span class="error-text" role="alert">${icon('alert')}${error.message}</span><button type="button" class="button small" @click=${again}>Try again</button></div>`;
    }
    if (!hasMore) return nothing;
    return html`<div class="table-foot">
      <span>${shown.toLocaleString()} of ${total.toLocaleString()}</span>
      <button type="button" class="button small" aria-busy=${isLoading ? 'true' : 'false'} @click=${() => void this.#list.more()}>Show more</button>
    </div>`;
  }
}
