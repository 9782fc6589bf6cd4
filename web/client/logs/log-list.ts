/** The lines of a log in a scrolling frame: only the visible rows exist, however many lines there are. */
import { html, LitElement, type PropertyDeclarations } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { BookChange, LogLine } from './log-book.ts';
import { logRow } from './log-row.ts';
import { RowHeights } from './row-heights.ts';

/** Must agree with `.log-row` in styles/logs.css. */
const ROW_PX = 26;
const NARROW_ROW_PX = 48;
const NARROW = '(max-width: 860px)';
/** Rows beyond the visible ones, above and below. */
const OVERSCAN_ROWS = 12;
/** More rows than this are never in the page, whatever the frame's height. */
export const MAX_DOM_ROWS = 200;
/** So near to an end, the next page is asked for. */
const LOAD_AHEAD_PX = 600;
/** So near to the bottom the view follows new lines. */
const FOLLOW_PX = 24;

/** Fires `oc-older`, `oc-newer`, `oc-follow` (detail: boolean), `oc-copy` and `oc-link` (detail: LogLine). */
export class LogList extends LitElement {
  static override properties: PropertyDeclarations = {
    lines: { attribute: false },
    isWrapped: { attribute: false },
    markedId: { attribute: false },
    _open: { state: true },
    _activeKey: { state: true },
  };
  declare lines: readonly LogLine[];
  declare isWrapped: boolean;
  /** Id of the line that a permalink names. */
  declare markedId: string;
  declare _open: ReadonlySet<number>;
  declare _activeKey: number | null;
  readonly #narrow = matchMedia(NARROW);
  readonly #heights = new RowHeights(ROW_PX);
  #isFollowing = true;
  #scrollPx = 0;
  #framePx = 600;
  /** Where to scroll after the next rendering; null = nowhere. */
  #goal: number | 'end' | null = null;
  #focusKey: number | null = null;
  #resize: ResizeObserver | null = null;

  constructor() {
    super();
    this.lines = [];
    this.isWrapped = false;
    this.markedId = '';
    this._open = new Set();
    this._activeKey = null;
  }

  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  /** Takes the book's lines after a change; what is looked at stays where it is, or the end stays in view. */
  show(lines: readonly LogLine[], change: BookChange): void {
    const removedPx = this.#heights.offsetOf(Math.min(change.removedBefore, this.#heights.count));
    this.#heights.change(lines.length, change.removedBefore, change.addedBefore);
    const addedPx = this.#heights.offsetOf(change.addedBefore);
    this.lines = lines;
    if (this.#isFollowing) this.#goal = 'end';
    else if (removedPx !== addedPx) this.#goal = Math.max(0, this.#scrollPx + addedPx - removedPx);
    if (typeof this.#goal === 'number') this.#scrollPx = this.#goal;
  }

  /** Forgets what was shown, e.g. for another search. */
  reset(): void {
    this.#heights.reset(this.#rowPx());
    this.#heights.change(0);
    this.lines = [];
    this._open = new Set();
    this._activeKey = null;
    this.#scrollPx = 0;
    this.follow();
  }

  follow(): void {
    this.#setFollowing(true);
    this.#goal = 'end';
    this.requestUpdate();
  }

  /** Brings the line into the middle of the frame and opens it. */
  reveal(line: LogLine): void {
    const index = this.lines.indexOf(line);
    if (index < 0) return;
    this.#setFollowing(false);
    this._activeKey = line.key;
    this.#goal = Math.max(0, this.#heights.offsetOf(index) - this.#framePx / 3);
    this.#scrollPx = this.#goal;
    this.requestUpdate();
  }

  protected override createRenderRoot() {
    return this;
  }

  override connectedCallback() {
    super.connectedCallback();
    this.#heights.reset(this.#rowPx());
    this.#narrow.addEventListener('change', this._remeasure);
    this.#resize = new ResizeObserver(() => this._remeasure());
    void this.updateComplete.then(() => {
      const frame = this.#frame();
      if (frame !== null) this.#resize?.observe(frame);
    });
  }

  override disconnectedCallback() {
    super.disconnectedCallback();
    this.#narrow.removeEventListener('change', this._remeasure);
    this.#resize?.disconnect();
  }

  override willUpdate(changed: Map<string, unknown>) {
    if (changed.has('isWrapped') && changed.get('isWrapped') !== undefined)
      this.#heights.reset(this.#rowPx());
    if (this.#goal === 'end') this.#scrollPx = Math.max(0, this.#heights.totalPx - this.#framePx);
  }

  override render() {
    const first = Math.max(0, this.#heights.indexAt(this.#scrollPx) - OVERSCAN_ROWS);
    const last = this.#heights.indexAt(this.#scrollPx + this.#framePx) + OVERSCAN_ROWS;
    const visible = this.lines.slice(first, Math.min(last + 1, first + MAX_DOM_ROWS));
    const activeKey = visible.some((line) => line.key === this._activeKey)
      ? this._activeKey
      : visible.at(-1)?.key;
    // By property: the CSP refuses style attributes.
    return html`<div
      class="log-frame ${this.isWrapped ? 'is-wrapped' : ''}"
      role="log"
      aria-live="off"
      aria-label="Log lines"
      tabindex="0"
      @scroll=${this._scrolled}
      @keydown=${this._key}
    >
      <div class="log-sizer" .style=${`height: ${this.#heights.totalPx}px`}>
        <div class="log-rows" .style=${`transform: translateY(${this.#heights.offsetOf(first)}px)`}>
          ${repeat(
            visible,
            (line) => line.key,
            (line) =>
              logRow({
                line,
                isOpen: this._open.has(line.key),
                isMarked: this.markedId !== '' && line.id === this.markedId,
                isActive: line.key === activeKey,
                onToggle: () => this.#toggle(line.key),
                onCopy: () => this.#say('oc-copy', line),
                onLink: () => this.#say('oc-link', line),
              }),
          )}
        </div>
      </div>
    </div>`;
  }

  protected override updated() {
    const frame = this.#frame();
    if (frame === null) return;
    this.#framePx = frame.clientHeight || this.#framePx;
    const hasMoved = this.#measureRows();
    if (this.#goal !== null) {
      frame.scrollTop = this.#goal === 'end' ? frame.scrollHeight : this.#goal;
      this.#scrollPx = frame.scrollTop;
      if (!hasMoved) this.#goal = null;
    }
    if (hasMoved) this.requestUpdate();
    if (this.#focusKey !== null) {
      this.querySelector<HTMLElement>(`[data-key="${this.#focusKey}"] .log-open`)?.focus({
        preventScroll: true,
      });
      this.#focusKey = null;
    }
    this.#askForMore(frame);
  }

  /** True where a row is not as high as was thought. */
  #measureRows(): boolean {
    if (!this.isWrapped && this._open.size === 0) return false;
    const indexOf = new Map<number, number>();
    const first = Math.max(0, this.#heights.indexAt(this.#scrollPx) - OVERSCAN_ROWS);
    for (let index = first; index < Math.min(this.lines.length, first + MAX_DOM_ROWS); index += 1) {
      const line = this.lines[index];
      if (line !== undefined) indexOf.set(line.key, index);
    }
    let hasMoved = false;
    for (const row of this.querySelectorAll<HTMLElement>('.log-row')) {
      const index = indexOf.get(Number(row.dataset.key));
      if (index !== undefined && this.#heights.set(index, row.offsetHeight)) hasMoved = true;
    }
    return hasMoved;
  }

  #askForMore(frame: HTMLElement): void {
    if (this.#goal !== null || this.lines.length === 0) return;
    if (this.#scrollPx < LOAD_AHEAD_PX) this.#say('oc-older', undefined);
    if (this.#scrollPx + frame.clientHeight > frame.scrollHeight - LOAD_AHEAD_PX)
      this.#say('oc-newer', undefined);
  }

  #toggle(key: number): void {
    const open = new Set(this._open);
    if (!open.delete(key)) open.add(key);
    else {
      const index = this.lines.findIndex((line) => line.key === key);
      if (index >= 0) this.#heights.set(index, this.#rowPx());
    }
    this._open = open;
    this._activeKey = key;
  }

  private _scrolled = (event: Event): void => {
    const frame = event.currentTarget;
    if (!(frame instanceof HTMLElement)) return;
    this.#scrollPx = frame.scrollTop;
    this.#setFollowing(frame.scrollTop + frame.clientHeight >= frame.scrollHeight - FOLLOW_PX);
    this.requestUpdate();
  };

  private _remeasure = (): void => {
    const frame = this.#frame();
    if (frame !== null) this.#framePx = frame.clientHeight || this.#framePx;
    const hasOther = this.#heights.usualPx !== this.#rowPx();
    if (hasOther || this.isWrapped) this.#heights.reset(this.#rowPx());
    if (this.#isFollowing) this.#goal = 'end';
    this.requestUpdate();
  };

  /** Arrow keys go from line to line, Enter opens; Home and End reach the ends. */
  private _key = (event: KeyboardEvent): void => {
    if (event.target instanceof Element && event.target.closest('.log-details') !== null) return;
    if (event.key === 'End') this.#stop(event, () => this.follow());
    else if (event.key === 'Home') this.#stop(event, () => this.#goToStart());
    else this.#keyStep(event);
  };

  #goToStart(): void {
    this.#setFollowing(false);
    this.#goal = 0;
    this.#scrollPx = 0;
    this.requestUpdate();
  }

  #keyStep(event: KeyboardEvent): void {
    const step =
      event.key === 'ArrowDown' || event.key === 'j'
        ? 1
        : event.key === 'ArrowUp' || event.key === 'k'
          ? -1
          : 0;
    const row = event.target instanceof Element ? event.target.closest<HTMLElement>('.log-row') : null;
    if (step === 0 || row === null) return;
    const index = this.lines.findIndex((line) => line.key === Number(row.dataset.key)) + step;
    const line = this.lines[index];
    if (line !== undefined) this.#stop(event, () => this.#activate(line, index));
  }

  #activate(line: LogLine, index: number): void {
    this._activeKey = line.key;
    this.#focusKey = line.key;
    const top = this.#heights.offsetOf(index);
    const bottom = top + this.#heights.heightOf(index);
    if (top < this.#scrollPx) this.#goal = top;
    else if (bottom > this.#scrollPx + this.#framePx) this.#goal = bottom - this.#framePx;
    if (typeof this.#goal === 'number') {
      this.#setFollowing(false);
      this.#scrollPx = this.#goal;
    }
  }

  #stop(event: Event, act: () => void): void {
    event.preventDefault();
    act();
  }

  #setFollowing(isFollowing: boolean): void {
    if (isFollowing === this.#isFollowing) return;
    this.#isFollowing = isFollowing;
    this.#say('oc-follow', isFollowing);
  }

  #say(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #frame(): HTMLElement | null {
    return this.querySelector<HTMLElement>('.log-frame');
  }

  #rowPx(): number {
    return this.#narrow.matches ? NARROW_ROW_PX : ROW_PX;
  }
}

customElements.define('oc-log-list', LogList);
declare global {
  interface HTMLElementTagNameMap {
    'oc-log-list': LogList;
  }
}
