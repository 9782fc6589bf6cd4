/** One chart over time with its legend: values under a cursor that all charts share, a stretch to drag for a closer look. */
import { html, LitElement, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { visibleText } from '../logs/log-text.ts';
import { type ChartLine, nearest } from './chart-lines.ts';
import { createPicture, type Picture } from './chart-picture.ts';
import { MIN_SPAN_MS, type Span } from './chart-range.ts';
import { metricValue } from './metric-units.ts';
import { cursorLabel } from './time-axis.ts';

/** Colours of styles/tokens.css; further lines begin again with the first. */
const SERIES_COLOURS = 8;
/** Shorter drags are clicks. */
const MIN_DRAG_PX = 6;
/** Steps of the keyboard's cursor over the whole width. */
const CURSOR_STEPS = 60;
/** How far from the cursor a point still counts, as a share of the span. */
const REACH = 1 / 40;
const MAX_TABLE_ROWS = 60;

/** Fires `oc-cursor` (detail: ms or null), `oc-zoom` (detail: Span), `oc-step` (detail: ChartStep). */
export type ChartStep = 'in' | 'out' | 'earlier' | 'later' | 'reset';
const STEP_KEYS: Readonly<Record<string, ChartStep>> = {
  '+': 'in',
  '=': 'in',
  '-': 'out',
  PageUp: 'earlier',
  PageDown: 'later',
  '0': 'reset',
  Escape: 'reset',
};

export class TimeChart extends LitElement {
  static override properties: PropertyDeclarations = {
    heading: { attribute: false },
    lines: { attribute: false },
    unit: { attribute: false },
    fromMs: { attribute: false },
    toMs: { attribute: false },
    cursorMs: { attribute: false },
    deviceNames: { attribute: false },
    note: { attribute: false },
    _hidden: { state: true },
    _dragPx: { state: true },
    _spoken: { state: true },
    _hasTable: { state: true },
  };
  declare heading: string;
  declare lines: readonly ChartLine[];
  declare unit: string | null;
  declare fromMs: number;
  declare toMs: number;
  declare cursorMs: number | null;
  /** Two where devices are compared. */
  declare deviceNames: readonly string[];
  /** Stands in the corner, e.g. that more lines were left out. */
  declare note: string;
  declare _hidden: ReadonlySet<string>;
  declare _dragPx: readonly [number, number] | null;
  declare _spoken: string;
  declare _hasTable: boolean;
  #picture: Picture | null = null;
  #watch: MutationObserver | null = null;
  #sight: IntersectionObserver | null = null;
  #isInSight = false;
  #isStale = false;
  readonly #dark = matchMedia('(prefers-color-scheme: dark)');

  constructor() {
    super();
    this.lines = [];
    this.unit = null;
    this.cursorMs = null;
    this.deviceNames = [];
    this.note = '';
    this._hidden = new Set();
    this._dragPx = null;
    this._spoken = '';
    this._hasTable = false;
  }

  protected override createRenderRoot() {
    return this;
  }

  override connectedCallback() {
    super.connectedCallback();
    this.#dark.addEventListener('change', this._repaint);
    this.#watch = new MutationObserver(this._repaint);
    this.#watch.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    // What nobody sees is not painted until it comes near.
    this.#sight = new IntersectionObserver(
      (entries) => {
        this.#isInSight = entries.at(-1)?.isIntersecting === true;
        if (this.#isInSight && this.#isStale) this._repaint();
      },
      { rootMargin: '200px' },
    );
    this.#sight.observe(this);
    this.#isStale = true;
  }

  override disconnectedCallback() {
    super.disconnectedCallback();
    this.#dark.removeEventListener('change', this._repaint);
    this.#watch?.disconnect();
    this.#sight?.disconnect();
    this.#isInSight = false;
    this.#picture?.destroy();
    this.#picture = null;
  }

  override render() {
    return html`<figure class="chart">
      <figcaption><h2>${visibleText(this.heading)}</h2>${
        this.cursorMs === null
          ? html`<span class="fine">${this.note}</span>`
          : html`<span class="fine">${cursorLabel(this.cursorMs)}</span>`
      }</figcaption>
      <div
        class="chart-plot"
        role="group"
        tabindex="0"
        aria-label="${visibleText(this.heading)}: chart. Left and right arrows move the cursor, plus and minus zoom, Page Up and Page Down move in time, Escape resets."
        @pointermove=${this._move}
        @pointerleave=${this._leave}
        @pointerdown=${this._press}
        @pointerup=${this._release}
        @pointercancel=${this._cancel}
        @keydown=${this._key}
        @blur=${this._leave}
      >
        <canvas aria-hidden="true"></canvas>
        <div class="chart-cursor" hidden></div>
        <div class="chart-selection" hidden></div>
      </div>
      <div class="visually-hidden" role="status">${this._spoken}</div>
      <ul class="chart-legend">${this.lines.map((line, index) => this.#legendEntry(line, index))}</ul>
      <details class="chart-table" @toggle=${this._toggleTable}><summary>Values as a table</summary>${this._hasTable ? this.#table() : nothing}</details>
    </figure>`;
  }

  override updated(changed: Map<string, unknown>) {
    if (['lines', 'unit', 'fromMs', 'toMs', '_hidden'].some((name) => changed.has(name))) this._repaint();
    this.#placeOverlays();
  }

  #legendEntry(line: ChartLine, index: number): TemplateResult {
    const isHidden = this._hidden.has(lineKey(line));
    return html`<li>
      <button
        type="button"
        class="series-${index % SERIES_COLOURS} ${line.device === 1 ? 'is-other' : ''}"
        aria-pressed=${isHidden ? 'false' : 'true'}
        title="Show or hide"
        @click=${() => this.#toggle(line)}
      ><span class="swatch"></span><span class="name">${this.#nameOf(line)}</span><span class="value">${metricValue(this.#valueOf(line), this.unit)}</span></button>
    </li>`;
  }

  #nameOf(line: ChartLine): string {
    const device = this.deviceNames.length > 1 ? `${this.deviceNames[line.device] ?? ''}: ` : '';
    return visibleText(device + line.name);
  }

  /** Under the cursor; without one the newest. */
  #valueOf(line: ChartLine): number | null {
    if (this.cursorMs === null) return line.v.findLast((value) => value !== null) ?? null;
    const index = nearest(line.t, this.cursorMs, (this.toMs - this.fromMs) * REACH);
    return line.v[index] ?? null;
  }

  #table(): TemplateResult {
    const times = this.lines[0]?.t ?? [];
    const stride = Math.max(1, Math.ceil(times.length / MAX_TABLE_ROWS));
    const rows = times.filter((_, index) => index % stride === 0).toReversed();
    return html`<div class="chart-table-frame" tabindex="0" role="group" aria-label="Values of ${visibleText(this.heading)}">
      <table>
        <thead><tr><th scope="col">Time</th>${this.lines.map((line) => html`<th scope="col">${this.#nameOf(line)}</th>`)}</tr></thead>
        <tbody>${rows.map(
          (atMs) =>
            html`<tr><th scope="row">${cursorLabel(atMs)}</th>${this.lines.map((line) => {
              const index = nearest(line.t, atMs, (this.toMs - this.fromMs) * REACH);
              return html`<td>${metricValue(line.v[index] ?? null, this.unit)}</td>`;
            })}</tr>`,
        )}</tbody>
      </table>
    </div>`;
  }

  private _repaint = (): void => {
    const canvas = this.querySelector('canvas');
    this.#isStale = !this.#isInSight;
    if (canvas === null || !this.#isInSight) return;
    this.#picture ??= createPicture(canvas);
    const shown = this.lines
      .map((line, index) => ({ line, colour: index % SERIES_COLOURS }))
      .filter(({ line }) => !this._hidden.has(lineKey(line)));
    this.#picture.show({
      lines: shown.map(({ line }) => line),
      colours: shown.map(({ colour }) => this.#colourOf(`series-${colour}`)),
      unit: this.unit,
      span: { fromMs: this.fromMs, toMs: this.toMs },
      ink: { grid: this.#colourOf('chart-grid-ink'), label: this.#colourOf('chart-label-ink') },
    });
    this.#placeOverlays();
  };

  /** Canvas knows no custom properties: asked of an element that has the class. */
  #colourOf(className: string): string {
    const probe = document.createElement('span');
    probe.className = className;
    this.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  }

  #placeOverlays(): void {
    const cursor = this.querySelector<HTMLElement>('.chart-cursor');
    const selection = this.querySelector<HTMLElement>('.chart-selection');
    if (this.#picture === null || cursor === null || selection === null) return;
    const { left, right, top, bottom } = this.#picture.area;
    const isInside = this.cursorMs !== null && this.cursorMs >= this.fromMs && this.cursorMs <= this.toMs;
    cursor.hidden = !isInside;
    if (this.cursorMs !== null && isInside) {
      const pixel = Math.min(right, Math.max(left, this.#picture.pixelOf(this.cursorMs)));
      cursor.style.transform = `translateX(${pixel}px)`;
      cursor.style.top = `${top}px`;
      cursor.style.height = `${bottom - top}px`;
    }
    selection.hidden = this._dragPx === null;
    if (this._dragPx !== null) {
      const [from, to] = this._dragPx;
      const start = Math.max(left, Math.min(from, to));
      selection.style.transform = `translateX(${start}px)`;
      selection.style.width = `${Math.max(0, Math.min(right, Math.max(from, to)) - start)}px`;
      selection.style.top = `${top}px`;
      selection.style.height = `${bottom - top}px`;
    }
  }

  private _move = (event: PointerEvent): void => {
    const pixel = this.#pixelOf(event);
    if (this._dragPx !== null) this._dragPx = [this._dragPx[0], pixel];
    this.#say('oc-cursor', this.#instantAt(pixel));
  };
  private _leave = (): void => {
    if (this._dragPx === null) this.#say('oc-cursor', null);
  };
  private _press = (event: PointerEvent): void => {
    if (event.button !== 0 || event.pointerType === 'touch') return;
    if (event.currentTarget instanceof Element) event.currentTarget.setPointerCapture(event.pointerId);
    const pixel = this.#pixelOf(event);
    this._dragPx = [pixel, pixel];
  };
  private _release = (event: PointerEvent): void => {
    const drag = this._dragPx;
    this._dragPx = null;
    if (drag === null || Math.abs(drag[0] - this.#pixelOf(event)) < MIN_DRAG_PX) return;
    const ends = [this.#instantAt(drag[0]), this.#instantAt(this.#pixelOf(event))].sort((a, b) => a - b);
    const [fromMs = this.fromMs, endMs = this.toMs] = ends;
    const span: Span = { fromMs, toMs: Math.max(endMs, fromMs + MIN_SPAN_MS) };
    this.#say('oc-zoom', span);
  };
  private _cancel = (): void => {
    this._dragPx = null;
  };

  private _key = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = STEP_KEYS[event.key];
    const way = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === undefined && way === 0) return;
    event.preventDefault();
    if (step !== undefined) {
      this.#say('oc-step', step);
      return;
    }
    const lengthMs = this.toMs - this.fromMs;
    const nextMs = (this.cursorMs ?? this.toMs) + (way * lengthMs) / CURSOR_STEPS;
    this.cursorMs = Math.min(this.toMs, Math.max(this.fromMs, nextMs));
    this._spoken = `${cursorLabel(this.cursorMs)}: ${this.lines.map((line) => `${this.#nameOf(line)} ${metricValue(this.#valueOf(line), this.unit)}`).join(', ')}`;
    this.#say('oc-cursor', this.cursorMs);
  };

  private _toggleTable = (event: Event): void => {
    this._hasTable = event.currentTarget instanceof HTMLDetailsElement && event.currentTarget.open;
  };

  #toggle(line: ChartLine): void {
    const hidden = new Set(this._hidden);
    if (!hidden.delete(lineKey(line))) hidden.add(lineKey(line));
    this._hidden = hidden;
  }

  #instantAt(pixel: number): number {
    const atMs = this.#picture?.instantAt(pixel) ?? this.fromMs;
    return Math.min(this.toMs, Math.max(this.fromMs, atMs));
  }

  #pixelOf(event: PointerEvent): number {
    const plot = this.querySelector('.chart-plot');
    return plot === null ? 0 : event.clientX - plot.getBoundingClientRect().left;
  }

  #say(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

const lineKey = (line: ChartLine): string => `${line.device} ${line.key}`;

customElements.define('oc-time-chart', TimeChart);
declare global {
  interface HTMLElementTagNameMap {
    'oc-time-chart': TimeChart;
  }
}
